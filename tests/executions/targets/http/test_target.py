from __future__ import annotations

import dataclasses
import gc
import json
import socket
import threading
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from executions.targets.base import Cancelled, Failed, InvalidTarget, Outcome, RetryAt, StopReason, Succeeded
from executions.targets.http.target import HttpTarget
from executions.targets.registry import parse, parse_config
from tests.receiver import (
    Receiver,
    answer,
    drip_body,
    drip_headers,
    flood_headers,
    gzip_bomb,
    hang,
    raw,
    redirect,
)
from tests.target_context import RecordingContext

if TYPE_CHECKING:
    from pytest_django import Settings

allowed = pytest.mark.usefixtures("allow_private")
OK = b"HTTP/1.1 200 OK\r\n"


def send(url: str, payload: Any = None, context: RecordingContext | None = None, **fields: Any) -> Outcome:
    """Validate and carry out, as a job does."""
    config = parse({"kind": "http", "url": url, **fields}, payload)
    return HttpTarget().execute(config, payload, context or RecordingContext())


def result_of(outcome: Outcome) -> dict[str, Any]:
    assert isinstance(outcome.result, dict)
    return outcome.result


def failure(outcome: Outcome) -> tuple[str, bool]:
    assert isinstance(outcome, Failed), outcome
    return outcome.code, outcome.permanent


def seen_by_server(outcome: Outcome) -> dict[str, Any]:
    seen: dict[str, Any] = json.loads(result_of(outcome)["response"]["body"])
    return seen


# What is sent


@allowed
def test_the_request_says_who_sends_it_and_for_which_run(receiver: Receiver) -> None:
    context = RecordingContext(attempt=3)
    headers = seen_by_server(send(receiver.url("/hook"), context=context))["headers"]
    assert headers["user-agent"].startswith("Mainspring/")
    assert headers["idempotency-key"] == context.idempotency_key
    assert headers["mainspring-run-id"] == str(context.run_id)
    assert headers["mainspring-attempt"] == "3"
    assert headers["mainspring-nominal-at"] == "2026-11-20T12:00:00Z"
    assert headers["host"] == f"127.0.0.1:{receiver.port}"


@allowed
def test_the_jobs_own_headers_win(receiver: Receiver) -> None:
    outcome = send(
        receiver.url(),
        {"a": 1},
        method="PUT",
        headers={"USER-AGENT": "me", "content-type": "application/x", "X-A": "b"},
    )
    headers = seen_by_server(outcome)["headers"]
    assert (headers["user-agent"], headers["content-type"], headers["x-a"]) == ("me", "application/x", "b")
    assert seen_by_server(outcome)["body"] == '{"a":1}'


@allowed
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_method_reaches_the_server_with_query(receiver: Receiver, method: str) -> None:
    seen = seen_by_server(send(receiver.url("/a?x=1"), method=method, query={"y": [True, "é"]}))
    assert (seen["method"], seen["path"], seen["query"]) == (method, "/a", "x=1&y=true&y=%C3%A9")


@allowed
def test_head_has_no_body_in_its_answer(receiver: Receiver) -> None:
    receiver.script("/head", answer(200, "long body"))
    response = result_of(send(receiver.url("/head"), method="HEAD"))["response"]
    assert (response["body"], response["headers"]["content-length"]) == ("", "9")


@allowed
def test_an_idempotency_key_of_the_callers_own_can_break_nothing(receiver: Receiver) -> None:
    context = RecordingContext()
    context.idempotency_key = "a\r\nEvil: 1 é"
    headers = seen_by_server(send(receiver.url(), context=context))["headers"]
    assert headers["idempotency-key"] == "a%0D%0AEvil:%201%20%C3%A9"


@allowed
def test_a_header_value_filled_in_later_is_checked_again() -> None:
    config = parse_config({"kind": "http", "url": "http://127.0.0.1:1/", "headers": {"X-A": "placeholder"}})
    config = config.model_copy(update={"headers": {"X-A": "s3cret\r\nEvil: 1"}})
    outcome = HttpTarget().execute(config, None, RecordingContext())
    assert failure(outcome) == ("invalid_request", True)
    assert "s3cret" not in repr(outcome)


@allowed
def test_proxies_of_the_environment_are_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert isinstance(send(receiver.url()), Succeeded)


# What is kept


@allowed
def test_the_result_tells_the_whole_exchange(receiver: Receiver) -> None:
    receiver.script("/x", answer(201, "done\0", {"Content-Type": "text/plain", "Set-Cookie": "id=s3cret"}))
    result = result_of(send(receiver.url("/x"), [1, 2], method="POST"))
    assert result["request"] == {"method": "POST", "url": receiver.url("/x"), "n_body_bytes": 5}
    response = result["response"]
    assert (response["status"], response["reason"], response["body"]) == (201, "Created", "done")
    assert (response["n_bytes"], response["truncated"]) == (5, False)
    assert response["headers"]["set-cookie"] == "***"
    assert result["remote_address"] == "127.0.0.1"
    assert set(result["timings_ms"]) == {"dns", "connect", "tls", "first_byte", "total"}
    assert result["timings_ms"]["total"] >= result["timings_ms"]["first_byte"] >= 0


@allowed
def test_a_body_beyond_the_limit_is_cut_and_its_connection_dropped(receiver: Receiver, settings: Settings) -> None:
    knobs: Any = settings.MAINSPRING
    settings.MAINSPRING = dataclasses.replace(knobs, http_body_bytes=10)
    receiver.script("/long", answer(200, "0123456789abc"))
    receiver.script("/exact", answer(200, "0123456789"))
    response = result_of(send(receiver.url("/long")))["response"]
    assert (response["body"], response["truncated"], response["n_bytes"]) == ("0123456789", True, 10)
    response = result_of(send(receiver.url("/exact")))["response"]
    assert (response["body"], response["truncated"]) == ("0123456789", False)
    assert receiver.requests[0].client_port != receiver.requests[1].client_port


@allowed
def test_a_dripping_body_is_cut_at_the_limit_long_before_its_end(receiver: Receiver, settings: Settings) -> None:
    knobs: Any = settings.MAINSPRING
    settings.MAINSPRING = dataclasses.replace(knobs, http_body_bytes=3)
    receiver.script("/drip", drip_body(every=0.01))
    outcome = send(receiver.url("/drip"), context=RecordingContext(10))
    assert isinstance(outcome, Succeeded)
    assert result_of(outcome)["response"]["truncated"]


@allowed
def test_a_compressed_bomb_is_not_unpacked(receiver: Receiver) -> None:
    receiver.script("/bomb", gzip_bomb(200 * 1024 * 1024))
    tracemalloc.start()
    try:
        response = result_of(send(receiver.url("/bomb")))["response"]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert response["truncated"]
    assert peak < 8 * 1024 * 1024


@allowed
def test_a_connection_is_used_again_for_the_same_server(receiver: Receiver) -> None:
    first, second = send(receiver.url("/1")), send(receiver.url("/2"), {"a": 1}, method="POST")
    assert receiver.requests[0].client_port == receiver.requests[1].client_port
    assert result_of(first)["timings_ms"]["connect"] > 0
    assert result_of(second)["timings_ms"]["connect"] == 0


@allowed
@pytest.mark.parametrize(("method", "repeated"), [("GET", True), ("PUT", True), ("POST", False), ("PATCH", False)])
def test_only_a_repeatable_request_is_sent_anew_when_a_kept_connection_turns_out_closed(
    receiver: Receiver, method: str, repeated: bool
) -> None:
    send(receiver.url("/first"))
    receiver.script("/second", raw(), answer(200))
    outcome = send(receiver.url("/second"), method=method)
    assert [request.path for request in receiver.requests].count("/second") == (2 if repeated else 1)
    if repeated:
        assert isinstance(outcome, Succeeded)
    else:
        assert failure(outcome) == ("connection_failed", False)


# How it is judged


@allowed
@pytest.mark.parametrize(("status", "permanent"), [(404, True), (500, False), (302, True)])
def test_an_unwelcome_status_is_a_failure_that_keeps_the_answer(
    receiver: Receiver, status: int, permanent: bool
) -> None:
    receiver.script("/x", answer(status, "why"))
    outcome = send(receiver.url("/x"))
    assert failure(outcome) == ("http_status", permanent)
    assert result_of(outcome)["response"]["body"] == "why"


@allowed
def test_retry_after_is_honoured_up_to_the_operators_cap(receiver: Receiver, settings: Settings) -> None:
    knobs: Any = settings.MAINSPRING
    settings.MAINSPRING = dataclasses.replace(knobs, retry_after_cap=timedelta(seconds=60))
    receiver.script("/x", answer(503, headers={"Retry-After": "9999"}))
    before = datetime.now(UTC)
    outcome = send(receiver.url("/x"))
    assert isinstance(outcome, RetryAt)
    assert timedelta(seconds=60) <= outcome.at - before < timedelta(seconds=70)


# Time


@allowed
@pytest.mark.parametrize(
    ("reply", "phase"),
    [(hang(), "waiting"), (drip_headers(), "waiting"), (drip_body(), "reading"), (answer(after=30), "waiting")],
)
def test_a_hanging_or_dripping_server_is_cut_off_at_the_total_timeout(
    receiver: Receiver, reply: Any, phase: str
) -> None:
    receiver.script("/slow", reply)
    began = time.monotonic()
    outcome = send(receiver.url("/slow"), context=RecordingContext(0.3))
    assert 0.29 < time.monotonic() - began < 10
    assert failure(outcome) == ("timed_out", False)
    assert isinstance(outcome, Failed)
    assert "total timeout of 0.3 s" in outcome.message
    assert phase in outcome.message


@allowed
def test_the_total_timeout_also_holds_on_a_kept_connection(receiver: Receiver) -> None:
    send(receiver.url("/first"))
    receiver.script("/slow", drip_headers())
    began = time.monotonic()
    assert failure(send(receiver.url("/slow"), context=RecordingContext(0.2))) == ("timed_out", False)
    assert time.monotonic() - began < 10
    assert receiver.requests[0].client_port == receiver.requests[1].client_port


@allowed
def test_the_total_timeout_covers_all_redirects_together(receiver: Receiver) -> None:
    receiver.script("/loop", answer(302, headers={"Location": "/loop"}, after=0.15))
    began = time.monotonic()
    outcome = send(receiver.url("/loop"), context=RecordingContext(0.4), follow_redirects=True)
    assert time.monotonic() - began < 10
    assert failure(outcome) == ("timed_out", False)


@allowed
def test_silence_beyond_the_read_timeout_is_told_apart(receiver: Receiver) -> None:
    receiver.script("/slow", hang())
    outcome = send(receiver.url("/slow"), read_timeout="100ms")
    assert failure(outcome) == ("timed_out", False)
    assert isinstance(outcome, Failed)
    assert "read timeout" in outcome.message


@allowed
def test_a_partial_answer_is_kept_when_the_time_runs_out(receiver: Receiver) -> None:
    receiver.script("/drip", drip_body())
    outcome = send(receiver.url("/drip"), context=RecordingContext(0.2))
    assert result_of(outcome)["response"]["status"] == 200


@allowed
@pytest.mark.parametrize("reason", [StopReason.CANCELLED, StopReason.LOST])
def test_a_stop_cuts_the_request_off_at_once(receiver: Receiver, reason: StopReason) -> None:
    receiver.script("/slow", hang())
    context = RecordingContext(30)
    context.stop_when(receiver.arrived, reason)
    began = time.monotonic()
    assert isinstance(send(receiver.url("/slow"), context=context), Cancelled)
    assert time.monotonic() - began < 10
    assert context.callbacks == []


@allowed
def test_a_shutdown_is_no_cancellation_and_leaves_the_run_its_retries(receiver: Receiver) -> None:
    receiver.script("/slow", hang())
    context = RecordingContext(30)
    context.stop_when(receiver.arrived, StopReason.SHUTDOWN)
    assert failure(send(receiver.url("/slow"), context=context)) == ("shutdown", False)


@allowed
def test_a_stop_asked_for_before_the_start_sends_nothing(receiver: Receiver) -> None:
    context = RecordingContext()
    context.stop(StopReason.CANCELLED)
    assert isinstance(send(receiver.url(), context=context), Cancelled)
    assert receiver.requests == []


@allowed
def test_many_slow_requests_run_at_once_and_each_ends_at_its_own_deadline(receiver: Receiver) -> None:
    receiver.script("/slow", hang())
    spent: list[float] = []

    def one(seconds: float) -> None:
        began = time.monotonic()
        assert failure(send(receiver.url("/slow"), context=RecordingContext(seconds))) == ("timed_out", False)
        spent.append(time.monotonic() - began - seconds)

    threads = [threading.Thread(target=one, args=(0.5 + index / 100,)) for index in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(spent) == 30
    assert max(spent) < 5


# Addresses


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "app.localhost", "localhost.", "[::1]", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"],
)
def test_a_plainly_local_host_is_refused_when_the_job_is_saved(host: str) -> None:
    with pytest.raises(InvalidTarget) as caught:
        parse({"kind": "http", "url": f"http://{host}:8000/"}, None)
    assert "MAINSPRING_HTTP_ALLOW_PRIVATE_NETWORKS" in caught.value.errors["url"][0]


@allowed
def test_metadata_is_refused_even_where_private_networks_are_allowed() -> None:
    with pytest.raises(InvalidTarget):
        parse({"kind": "http", "url": "http://169.254.169.254/latest/meta-data"}, None)


def pretend(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Let each look-up of a name give the next answer; returns the names that were looked up."""
    real, asked, coming = socket.getaddrinfo, [], list(answers)

    def look_up(host: str, port: int, *, type: int = 0, flags: int = 0) -> Any:
        if flags:
            return real(host, port, type=type, flags=flags)
        asked.append(host)
        return real(coming.pop(0), port, type=type)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def test_a_name_that_leads_inside_is_denied_at_the_connection(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, "127.0.0.1")
    outcome = send(f"http://innocent.example:{receiver.port}/")
    assert failure(outcome) == ("address_denied", True)
    assert receiver.requests == []


@allowed
def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second look-up would get another answer: there is none."""
    asked = pretend(monkeypatch, "127.0.0.1", "169.254.169.254")
    outcome = send(f"http://rebinding.example:{receiver.port}/")
    assert isinstance(outcome, Succeeded)
    assert asked == ["rebinding.example"]
    assert receiver.requests[0].headers["host"] == f"rebinding.example:{receiver.port}"


def test_a_connection_made_where_private_networks_were_allowed_does_not_serve_others(
    receiver: Receiver, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    knobs: Any = settings.MAINSPRING
    pretend(monkeypatch, "127.0.0.1", "127.0.0.1")
    settings.MAINSPRING = dataclasses.replace(knobs, http_allow_private_networks=True)
    assert isinstance(send(f"http://inside.example:{receiver.port}/"), Succeeded)
    settings.MAINSPRING = knobs
    assert failure(send(f"http://inside.example:{receiver.port}/")) == ("address_denied", True)


# Redirects


@allowed
def test_a_redirect_is_not_followed_unless_asked_for(receiver: Receiver) -> None:
    receiver.script("/old", redirect("/new"))
    assert failure(send(receiver.url("/old"))) == ("http_status", True)
    assert isinstance(send(receiver.url("/old"), success_statuses=[302]), Succeeded)
    assert [request.path for request in receiver.requests] == ["/old", "/old"]


@allowed
def test_a_redirect_is_followed_with_its_trail(receiver: Receiver) -> None:
    receiver.script("/old", redirect("/new?x=1", 307))
    outcome = send(receiver.url("/old"), {"a": 1}, method="POST", follow_redirects=True)
    assert seen_by_server(outcome)["body"] == '{"a":1}'
    assert result_of(outcome)["redirects"] == [{"status": 307, "url": receiver.url("/new?x=1"), "method": "POST"}]
    assert result_of(outcome)["request"]["url"] == receiver.url("/old")


@allowed
@pytest.mark.parametrize(("n_hops", "permanent"), [(5, None), (6, True)])
def test_five_redirects_are_followed_and_no_more(receiver: Receiver, n_hops: int, permanent: bool | None) -> None:
    for hop in range(n_hops):
        receiver.script(f"/{hop}", redirect(f"/{hop + 1}"))
    outcome = send(receiver.url("/0"), follow_redirects=True)
    if permanent is None:
        assert isinstance(outcome, Succeeded)
    else:
        assert failure(outcome) == ("too_many_redirects", True)
        assert len(receiver.requests) == 6


@allowed
def test_credentials_stay_behind_on_a_redirect_to_another_host(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, "127.0.0.1")
    receiver.script("/old", redirect(f"http://other.example:{receiver.port}/new"))
    send(
        receiver.url("/old"), headers={"Authorization": "Bearer x", "X-Api-Key": "y", "X-B": "z"}, follow_redirects=True
    )
    first, second = receiver.requests
    assert first.headers["authorization"] == "Bearer x"
    assert not {"authorization", "x-api-key"} & set(second.headers)
    assert second.headers["x-b"] == "z"


@allowed
@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://169.254.169.254/latest/meta-data/", "address_denied"),
        ("http://[fd00:ec2::254]/", "address_denied"),
        ("http://0.0.0.0:{port}/", "address_denied"),
        ("file:///etc/passwd", "invalid_response"),
        ("http://user:pass@127.0.0.1:{port}/", "invalid_response"),
    ],
)
def test_every_hop_is_checked_anew(receiver: Receiver, location: str, code: str) -> None:
    receiver.script("/old", redirect(location.format(port=receiver.port)))
    outcome = send(receiver.url("/old"), follow_redirects=True)
    assert failure(outcome)[0] == code
    assert len(receiver.requests) == 1


# What goes wrong on the way


@allowed
@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (raw(), "connection_failed"),
        (raw(OK), "connection_failed"),
        (raw(OK + b"X-Half: li"), "connection_failed"),
        (raw(OK + b"Content-Length: 10\r\n\r\nabc"), "connection_failed"),
        (raw(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"), "connection_failed"),
        (raw(OK + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nab"), "connection_failed"),
        (raw(b"SSH-2.0-OpenSSH\r\n"), "invalid_response"),
        (raw(b"HTTP/1.1 abc OK\r\n\r\n"), "invalid_response"),
        (raw(OK + b"X-Long: " + b"a" * 70_000 + b"\r\n\r\n"), "invalid_response"),
        (flood_headers(150), "invalid_response"),
        (raw(b"HTTP/1.1 101 Switching\r\n\r\n"), "invalid_response"),
        (answer(200, b"no gzip", {"Content-Encoding": "gzip"}), "invalid_response"),
        (answer(200, b"x", {"Content-Encoding": "gzip,gzip,gzip,gzip,gzip,gzip"}), "invalid_response"),
    ],
)
def test_a_broken_answer_is_a_failure_worth_a_retry(receiver: Receiver, reply: Any, code: str) -> None:
    receiver.script("/broken", reply)
    assert failure(send(receiver.url("/broken"))) == (code, False)


@allowed
def test_an_answer_that_comes_before_the_body_is_read_is_not_lost(receiver: Receiver) -> None:
    """Some servers say 413 and close while the client is still sending."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(100)
                peer.sendall(
                    b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )  # the rest is never read

        threading.Thread(target=refuse, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        outcome = send(url, "x" * 3_000_000, method="POST", body_format="raw", context=RecordingContext(5))
    assert failure(outcome) == ("http_status", True)
    assert result_of(outcome)["response"]["status"] == 413


@allowed
def test_a_closed_port_is_a_failed_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = send(f"http://127.0.0.1:{port}/")
    assert failure(outcome) == ("connection_failed", False)
    assert result_of(outcome)["response"] is None


def test_a_name_that_does_not_exist_is_a_failed_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert failure(send("http://nowhere.example/")) == ("dns_failed", False)


@allowed
def test_an_untrusted_certificate_is_a_permanent_failure(tls_receiver: Receiver) -> None:
    outcome = send(tls_receiver.url())
    assert failure(outcome) == ("tls_failed", True)
    assert tls_receiver.requests == []


@allowed
def test_without_verification_tls_works_and_its_time_is_told(tls_receiver: Receiver) -> None:
    outcome = send(tls_receiver.url(), verify_tls=False)
    assert isinstance(outcome, Succeeded)
    assert result_of(outcome)["timings_ms"]["tls"] > 0
    again = send(tls_receiver.url(), verify_tls=False)
    assert result_of(again)["timings_ms"]["tls"] == 0


@allowed
def test_a_dripping_tls_server_is_cut_off_too(tls_receiver: Receiver) -> None:
    tls_receiver.script("/drip", drip_body())
    began = time.monotonic()
    outcome = send(tls_receiver.url("/drip"), verify_tls=False, context=RecordingContext(0.3))
    assert failure(outcome) == ("timed_out", False)
    assert time.monotonic() - began < 10


@allowed
def test_plain_http_where_tls_is_expected_fails(receiver: Receiver) -> None:
    outcome = send(receiver.url().replace("http://", "https://"), context=RecordingContext(5))
    assert failure(outcome) == ("tls_failed", False)


@allowed
def test_no_socket_is_left_open_by_any_failure(receiver: Receiver) -> None:
    for path, reply in {"/a": raw(), "/b": drip_body(), "/c": gzip_bomb(10_000_000), "/d": flood_headers(150)}.items():
        receiver.script(path, reply)
        send(receiver.url(path), context=RecordingContext(0.2))
    sockets = [one for one in gc.get_objects() if issubclass(type(one), socket.socket) and one.fileno() != -1]
    assert not [one for one in sockets if peer_port(one) == receiver.port]


def peer_port(sock: socket.socket) -> int | None:
    try:
        return int(sock.getpeername()[1])
    except OSError:
        return None
