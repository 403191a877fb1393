"""Proves what one HTTP attempt records, how it ends in time, and how each failure on the way is classified."""

from __future__ import annotations

import dataclasses
import gc
import socket
import threading
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from executions.targets.base import Cancelled, Failed, StopReason, Succeeded
from tests.executions.targets.http.sending import OK, allowed, failure, result_of, send
from tests.raw_server import OK as OK_RESPONSE
from tests.raw_server import raw_server
from tests.receiver import (
    Handler,
    Receiver,
    answer,
    drip_body,
    drip_headers,
    flood_headers,
    gzip_bomb,
    hang,
    raw,
)
from tests.target_context import RecordingContext

if TYPE_CHECKING:
    from pytest_django import Settings


# What is recorded


@allowed
def test_the_result_has_request_response_address_and_timings(receiver: Receiver) -> None:
    receiver.script("/x", answer(201, "done\0", {"Content-Type": "text/plain", "Set-Cookie": "id=s3cret"}))
    result = result_of(send(receiver.url("/x"), [1, 2], method="POST"))
    assert result["request"] == {"method": "POST", "url": receiver.url("/x"), "n_body_bytes": 5}
    response = result["response"]
    assert (response["status"], response["reason"], response["body"]) == (201, "Created", "done")
    assert (response["n_bytes"], response["truncated"]) == (5, False)
    assert response["headers"]["set-cookie"] == "••••"
    assert result["remote_address"] == "127.0.0.1"
    assert set(result["timings_ms"]) == {"dns", "connect", "tls", "first_byte", "total"}
    assert result["timings_ms"]["total"] >= result["timings_ms"]["first_byte"] >= 0


@allowed
def test_a_body_beyond_the_limit_is_truncated_and_its_connection_closed(receiver: Receiver, settings: Settings) -> None:
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
def test_a_slow_body_is_truncated_at_the_limit_before_its_end(receiver: Receiver, settings: Settings) -> None:
    knobs: Any = settings.MAINSPRING
    settings.MAINSPRING = dataclasses.replace(knobs, http_body_bytes=3)
    receiver.script("/drip", drip_body(every=0.01))
    outcome = send(receiver.url("/drip"), context=RecordingContext(10))
    assert isinstance(outcome, Succeeded)
    assert result_of(outcome)["response"]["truncated"]


@pytest.mark.long
@allowed
def test_a_compression_bomb_is_not_decompressed(receiver: Receiver) -> None:
    receiver.script("/bomb", gzip_bomb(200 * 1024 * 1024))
    tracemalloc.start()
    try:
        response = result_of(send(receiver.url("/bomb")))["response"]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert response["truncated"]
    assert peak < 8 * 1024 * 1024


# Connections


@allowed
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_request_has_a_connection_of_its_own(method: str) -> None:
    with raw_server(OK_RESPONSE) as server:
        for _ in range(3):
            assert isinstance(send(server.url(), method=method), Succeeded)
        assert (len(server.requests), server.n_connections) == (3, 3)
        assert server.headers()["connection"] == "close"


@allowed
def test_a_redirect_to_the_same_server_gets_a_new_connection() -> None:
    with raw_server(b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n", OK_RESPONSE) as server:
        assert isinstance(send(server.url(), follow_redirects=True), Succeeded)
        assert server.n_connections == 2


@allowed
@pytest.mark.parametrize("follows_at_once", [True, False])
def test_a_second_answer_is_never_the_answer_of_another_run(follows_at_once: bool) -> None:
    """The second answer arrives together with the first, or when the next request has arrived."""

    def answer_twice(peer: socket.socket) -> None:
        peer.sendall(OK_RESPONSE)
        if follows_at_once or peer.recv(1, socket.MSG_PEEK):
            peer.sendall(OK_RESPONSE.replace(b"ok", b"no"))

    with raw_server(answer_twice) as server:
        bodies = [result_of(send(server.url()))["response"]["body"] for _ in range(3)]
    assert bodies == ["ok", "ok", "ok"]


@allowed
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "PATCH", "DELETE"])
def test_no_request_is_sent_twice_by_one_attempt(method: str) -> None:
    """A server that drops the second request of a connection unread drops none."""

    def answer_one_request(peer: socket.socket) -> None:
        peer.sendall(OK_RESPONSE)
        peer.recv(1)
        peer.shutdown(socket.SHUT_RDWR)

    with raw_server(answer_one_request) as server:
        assert all(isinstance(send(server.url(), method=method), Succeeded) for _ in range(5))
        assert len(server.requests) == 5
    with raw_server(lambda peer: peer.shutdown(socket.SHUT_RDWR)) as server:
        assert failure(send(server.url(), method=method)) == ("connection_failed", False)
        assert len(server.requests) == 1


# Time


@pytest.mark.long
@allowed
@pytest.mark.parametrize(
    ("reply", "phase"),
    [(hang(), "waiting"), (drip_headers(), "waiting"), (drip_body(), "reading"), (answer(after=30), "waiting")],
)
def test_a_server_that_hangs_or_sends_slowly_is_cut_off_at_the_total_timeout(
    receiver: Receiver, reply: Any, phase: str
) -> None:
    receiver.script("/slow", reply)
    started = time.monotonic()
    outcome = send(receiver.url("/slow"), context=RecordingContext(0.3))
    assert time.monotonic() - started > 0.29
    assert failure(outcome) == ("timed_out", False)
    assert isinstance(outcome, Failed)
    assert "total timeout of 0.3 s" in outcome.message
    assert phase in outcome.message


@allowed
def test_the_total_timeout_covers_all_redirects_together(receiver: Receiver) -> None:
    receiver.script("/loop", answer(302, headers={"Location": "/loop"}, after=0.15))
    outcome = send(receiver.url("/loop"), context=RecordingContext(0.4), follow_redirects=True)
    assert failure(outcome) == ("timed_out", False)


@allowed
def test_silence_beyond_the_read_timeout_has_a_message_of_its_own(receiver: Receiver) -> None:
    receiver.script("/slow", hang())
    outcome = send(receiver.url("/slow"), read_timeout="100ms")
    assert failure(outcome) == ("timed_out", False)
    assert isinstance(outcome, Failed)
    assert "read timeout" in outcome.message


@allowed
def test_a_partial_response_is_recorded_at_the_timeout(receiver: Receiver) -> None:
    receiver.script("/drip", drip_body())
    outcome = send(receiver.url("/drip"), context=RecordingContext(0.2))
    assert result_of(outcome)["response"]["status"] == 200


@allowed
@pytest.mark.parametrize("reason", [StopReason.CANCELLED, StopReason.LOST])
def test_a_stop_ends_the_request_at_once(receiver: Receiver, reason: StopReason) -> None:
    receiver.script("/slow", hang())
    context = RecordingContext(3600)  # so that nothing but the stop ends the request
    context.stop_when(receiver.arrived, reason)
    assert isinstance(send(receiver.url("/slow"), context=context), Cancelled)
    assert context.callbacks == []


@allowed
def test_a_stop_before_the_start_sends_nothing(receiver: Receiver) -> None:
    context = RecordingContext()
    context.stop(StopReason.CANCELLED)
    assert isinstance(send(receiver.url(), context=context), Cancelled)
    assert receiver.requests == []


@pytest.mark.long
@allowed
def test_many_slow_requests_each_end_at_their_own_deadline(receiver: Receiver) -> None:
    receiver.script("/slow", hang())
    spent: list[float] = []

    def one(seconds: float) -> None:
        started = time.monotonic()
        assert failure(send(receiver.url("/slow"), context=RecordingContext(seconds))) == ("timed_out", False)
        spent.append(time.monotonic() - started - seconds)

    threads = [threading.Thread(target=one, args=(0.5 + index / 100,)) for index in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(spent) == 30
    assert max(spent) < 5


# Failures on the way


@allowed
@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (raw(), "connection_failed"),
        (raw(OK), "connection_failed"),
        (raw(OK + b"X-Half: li"), "connection_failed"),
        (raw(OK + b"Content-Length: 10\r\n\r\nabc"), "connection_failed"),
        (raw(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"), "connection_failed"),
        (raw(OK + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nab"), "invalid_response"),
        (raw(b"SSH-2.0-OpenSSH\r\n"), "invalid_response"),
        (raw(b"HTTP/1.1 abc OK\r\n\r\n"), "invalid_response"),
        (raw(OK + b"X-Long: " + b"a" * 70_000 + b"\r\n\r\n"), "invalid_response"),
        (flood_headers(150), "invalid_response"),
        (raw(b"HTTP/1.1 101 Switching\r\n\r\n"), "invalid_response"),
        (answer(200, b"no gzip", {"Content-Encoding": "gzip"}), "invalid_response"),
        (answer(200, b"x", {"Content-Encoding": "gzip,gzip,gzip,gzip,gzip,gzip"}), "invalid_response"),
    ],
)
def test_a_broken_response_is_a_failure_that_is_retried(receiver: Receiver, reply: Any, code: str) -> None:
    receiver.script("/broken", reply)
    assert failure(send(receiver.url("/broken"))) == (code, False)


@allowed
def test_a_response_sent_before_the_body_was_read_is_recorded(receiver: Receiver) -> None:
    """Some servers send 413 and close while the client is still sending."""
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
def test_a_closed_port_fails_with_connection_failed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = send(f"http://127.0.0.1:{port}/")
    assert failure(outcome) == ("connection_failed", False)
    assert result_of(outcome)["response"] is None


def test_an_unknown_host_name_fails_with_dns_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert failure(send("http://nowhere.example/")) == ("dns_failed", False)


@allowed
def test_an_untrusted_certificate_fails_permanently(tls_receiver: Receiver) -> None:
    outcome = send(tls_receiver.url())
    assert failure(outcome) == ("tls_failed", True)
    assert tls_receiver.requests == []


@allowed
def test_without_verification_tls_works_and_its_time_is_recorded(tls_receiver: Receiver) -> None:
    outcome = send(tls_receiver.url(), verify_tls=False)
    assert isinstance(outcome, Succeeded)
    assert result_of(outcome)["timings_ms"]["tls"] > 0


@allowed
def test_a_slow_tls_server_is_cut_off_at_the_total_timeout(tls_receiver: Receiver) -> None:
    tls_receiver.script("/drip", drip_body())
    outcome = send(tls_receiver.url("/drip"), verify_tls=False, context=RecordingContext(0.3))
    assert failure(outcome) == ("timed_out", False)


@allowed
def test_plain_http_where_tls_is_expected_fails_with_tls_failed(receiver: Receiver) -> None:
    outcome = send(receiver.url().replace("http://", "https://"), context=RecordingContext(5))
    assert failure(outcome) == ("tls_failed", False)


@allowed
def test_a_response_of_unknown_length_cut_off_at_the_timeout_is_no_success(receiver: Receiver) -> None:
    def endless(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(100):
            handler.wfile.write(b".")
            handler.receiver.pause(0.05)
        handler.close_connection = True

    receiver.script("/endless", endless)
    assert failure(send(receiver.url("/endless"), context=RecordingContext(0.5)))[0] == "timed_out"


@pytest.mark.long
@allowed
def test_no_failure_leaves_a_socket_open(receiver: Receiver) -> None:
    for path, reply in {"/a": raw(), "/b": drip_body(), "/c": gzip_bomb(10_000_000), "/d": flood_headers(150)}.items():
        receiver.script(path, reply)
        send(receiver.url(path), context=RecordingContext(0.2))
    sockets = [one for one in gc.get_objects() if issubclass(type(one), socket.socket) and one.fileno() != -1]
    assert not [one for one in sockets if peer_port(one) == receiver.port]


def peer_port(sock: socket.socket) -> int | None:
    try:
        return int(sock.getpeername()[1])
    except (OSError, IndexError):  # not connected, or not of the internet
        return None
