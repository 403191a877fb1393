"""Proves the HTTP target as a whole: what it sends, how it judges the response, and where it may connect."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from executions.targets.base import InvalidTarget, RetryAt, Succeeded
from executions.targets.http.target import HttpTarget
from executions.targets.registry import parse_config
from tests.executions.targets.http.sending import allowed, answer_look_ups, failure, result_of, seen_by_server, send
from tests.receiver import (
    Receiver,
    answer,
    redirect,
)
from tests.target_context import RecordingContext
from tests.valid_targets import parse

if TYPE_CHECKING:
    from pytest_django import Settings


# Requests


@allowed
def test_the_request_has_headers_for_the_sender_and_the_run(receiver: Receiver) -> None:
    context = RecordingContext(attempt=3)
    headers = seen_by_server(send(receiver.url("/hook"), context=context))["headers"]
    assert headers["user-agent"].startswith("Mainspring/")
    assert headers["idempotency-key"] == context.idempotency_key
    assert headers["mainspring-run-id"] == str(context.run_id)
    assert headers["mainspring-attempt"] == "3"
    assert headers["mainspring-nominal-at"] == "2026-11-20T12:00:00Z"
    assert headers["host"] == f"127.0.0.1:{receiver.port}"


@allowed
def test_headers_of_the_job_replace_those_of_mainspring(receiver: Receiver) -> None:
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
def test_a_header_of_the_job_with_underscores_replaces_that_of_mainspring(receiver: Receiver) -> None:
    headers = seen_by_server(send(receiver.url(), headers={"Idempotency_Key": "mine"}))["headers"]
    assert headers["idempotency_key"] == "mine"
    assert "idempotency-key" not in headers


@allowed
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_method_sends_the_query(receiver: Receiver, method: str) -> None:
    seen = seen_by_server(send(receiver.url("/a?x=1"), method=method, query={"y": [True, "é"]}))
    assert (seen["method"], seen["path"], seen["query"]) == (method, "/a", "x=1&y=true&y=%C3%A9")


@allowed
def test_the_response_to_head_has_no_body(receiver: Receiver) -> None:
    receiver.script("/head", answer(200, "long body"))
    response = result_of(send(receiver.url("/head"), method="HEAD"))["response"]
    assert (response["body"], response["headers"]["content-length"]) == ("", "9")


@allowed
def test_an_idempotency_key_with_any_characters_is_quoted(receiver: Receiver) -> None:
    context = RecordingContext()
    context.idempotency_key = "a\r\nEvil: 1 é"
    headers = seen_by_server(send(receiver.url(), context=context))["headers"]
    assert headers["idempotency-key"] == "a%0D%0AEvil:%201%20%C3%A9"


@allowed
def test_header_values_are_checked_again_before_they_are_sent() -> None:
    config = parse_config({"kind": "http", "url": "http://127.0.0.1:1/", "headers": {"X-A": "placeholder"}})
    config = config.model_copy(update={"headers": {"X-A": "s3cret\r\nEvil: 1"}})
    outcome = HttpTarget().execute(config, None, RecordingContext())
    assert failure(outcome) == ("invalid_request", True)
    assert "s3cret" not in repr(outcome)


@allowed
def test_proxies_of_the_environment_are_ignored(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert isinstance(send(receiver.url()), Succeeded)


# Responses


@allowed
@pytest.mark.parametrize(("status", "permanent"), [(404, True), (500, False), (302, True)])
def test_a_failure_status_keeps_the_response(receiver: Receiver, status: int, permanent: bool) -> None:
    receiver.script("/x", answer(status, "why"))
    outcome = send(receiver.url("/x"))
    assert failure(outcome) == ("http_status", permanent)
    assert result_of(outcome)["response"]["body"] == "why"


@allowed
def test_retry_after_is_followed_up_to_the_cap_of_the_settings(receiver: Receiver, settings: Settings) -> None:
    knobs: Any = settings.MAINSPRING
    settings.MAINSPRING = dataclasses.replace(knobs, retry_after_cap=timedelta(seconds=60))
    receiver.script("/x", answer(503, headers={"Retry-After": "9999"}))
    before = datetime.now(UTC)
    outcome = send(receiver.url("/x"))
    assert isinstance(outcome, RetryAt)
    assert timedelta(seconds=60) <= outcome.at - before < timedelta(seconds=70)


# Addresses


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "app.localhost", "localhost.", "[::1]", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"],
)
def test_a_local_host_is_refused_when_the_job_is_saved(host: str) -> None:
    with pytest.raises(InvalidTarget) as caught:
        parse({"kind": "http", "url": f"http://{host}:8000/"}, None)
    assert "MAINSPRING_HTTP_ALLOW_PRIVATE_NETWORKS" in caught.value.errors["url"][0]


@allowed
def test_metadata_is_refused_where_private_networks_are_allowed() -> None:
    with pytest.raises(InvalidTarget):
        parse({"kind": "http", "url": "http://169.254.169.254/latest/meta-data"}, None)


def test_a_name_with_a_private_address_is_denied_at_the_connection(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_look_ups(monkeypatch, "127.0.0.1")
    outcome = send(f"http://innocent.example:{receiver.port}/")
    assert failure(outcome) == ("address_denied", True)
    assert receiver.requests == []


@allowed
def test_the_connection_goes_to_the_address_that_was_checked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second look-up would return another address, so there must be none."""
    looked_up = answer_look_ups(monkeypatch, "127.0.0.1", "169.254.169.254")
    outcome = send(f"http://rebinding.example:{receiver.port}/")
    assert isinstance(outcome, Succeeded)
    assert looked_up == ["rebinding.example"]
    assert receiver.requests[0].headers["host"] == f"rebinding.example:{receiver.port}"


def test_a_kept_connection_to_a_private_address_is_not_used_when_that_is_denied(
    receiver: Receiver, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    knobs: Any = settings.MAINSPRING
    answer_look_ups(monkeypatch, "127.0.0.1", "127.0.0.1")
    settings.MAINSPRING = dataclasses.replace(knobs, http_allow_private_networks=True)
    assert isinstance(send(f"http://inside.example:{receiver.port}/"), Succeeded)
    settings.MAINSPRING = knobs
    assert failure(send(f"http://inside.example:{receiver.port}/")) == ("address_denied", True)


# Redirects


@allowed
def test_a_redirect_is_not_followed_by_default(receiver: Receiver) -> None:
    receiver.script("/old", redirect("/new"))
    assert failure(send(receiver.url("/old"))) == ("http_status", True)
    assert isinstance(send(receiver.url("/old"), success_statuses=[302]), Succeeded)
    assert [request.path for request in receiver.requests] == ["/old", "/old"]


@allowed
def test_a_followed_redirect_is_recorded(receiver: Receiver) -> None:
    receiver.script("/old", redirect("/new?x=1", 307))
    outcome = send(receiver.url("/old"), {"a": 1}, method="POST", follow_redirects=True)
    assert seen_by_server(outcome)["body"] == '{"a":1}'
    assert result_of(outcome)["redirects"] == [{"status": 307, "url": receiver.url("/new?x=••••"), "method": "POST"}]
    assert result_of(outcome)["request"]["url"] == receiver.url("/old")


@allowed
@pytest.mark.parametrize(("n_hops", "permanent"), [(5, None), (6, True)])
def test_five_redirects_are_followed_and_the_sixth_fails(
    receiver: Receiver, n_hops: int, permanent: bool | None
) -> None:
    for hop in range(n_hops):
        receiver.script(f"/{hop}", redirect(f"/{hop + 1}"))
    outcome = send(receiver.url("/0"), follow_redirects=True)
    if permanent is None:
        assert isinstance(outcome, Succeeded)
    else:
        assert failure(outcome) == ("too_many_redirects", True)
        assert len(receiver.requests) == 6


@allowed
def test_credentials_are_dropped_on_a_redirect_to_another_host(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_look_ups(monkeypatch, "127.0.0.1")
    receiver.script("/old", redirect(f"http://other.example:{receiver.port}/new"))
    send(
        receiver.url("/old"),
        headers={"Authorization": "Bearer x", "X-Passphrase": "y", "X-Request-Id": "z"},
        follow_redirects=True,
    )
    first, second = receiver.requests
    assert first.headers["authorization"] == "Bearer x"
    assert not {"authorization", "x-passphrase"} & set(second.headers)
    assert second.headers["x-request-id"] == "z"


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
def test_the_url_of_every_redirect_is_checked(receiver: Receiver, location: str, code: str) -> None:
    receiver.script("/old", redirect(location.format(port=receiver.port)))
    outcome = send(receiver.url("/old"), follow_redirects=True)
    assert failure(outcome)[0] == code
    assert len(receiver.requests) == 1
