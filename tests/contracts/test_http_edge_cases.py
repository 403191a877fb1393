"""Proves the outcome of single attempts with unusual responses, redirects, connections and charsets, on raw sockets."""

from __future__ import annotations

import dataclasses
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from executions.targets.base import Failed, InvalidTarget, Outcome, RetryAt, Succeeded
from executions.targets.http.target import HttpTarget
from executions.targets.registry import parse_config
from tests.raw_server import OK, Answer, RawServer, raw_server
from tests.target_context import RecordingContext
from tests.valid_targets import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

LATIN_1 = {"Content-Type": "text/plain; charset=iso-8859-1"}


@pytest.fixture(autouse=True)
def private_networks(settings: Settings) -> None:
    settings.MAINSPRING = dataclasses.replace(settings.MAINSPRING, http_allow_private_networks=True)


def status(line: bytes, *headers: bytes) -> bytes:
    return b"HTTP/1.1 " + b"\r\n".join([line, *headers, b"Content-Length: 0", b"", b""])


def drop_the_second_request(peer: socket.socket) -> None:
    """Answer the first request of a connection, and close the connection when a second one arrives, unread."""
    peer.sendall(OK)
    peer.recv(1)
    peer.shutdown(socket.SHUT_RDWR)


@dataclass
class Case:
    """A target and a payload, the server's responses, the number of runs, and a check of each outcome."""

    answers: list[Answer]
    target: dict[str, Any] = field(default_factory=dict)
    payload: Any = None
    n_runs: int = 1
    request_lines: list[str] = field(default_factory=lambda: ["GET /hook HTTP/1.1"])
    check: Callable[[Outcome, RawServer], bool] = lambda outcome, server: isinstance(outcome, Succeeded)


def waits_for_the_cap(outcome: Outcome, server: RawServer) -> bool:
    assert isinstance(outcome, RetryAt)
    return timedelta(minutes=59) < outcome.at - datetime.now(UTC) <= timedelta(hours=1)


POST = ["POST /hook HTTP/1.1"]
CASES = {
    "early hints are skipped": Case([b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" + OK]),
    "two processing responses are skipped": Case(
        [b"HTTP/1.1 102 Processing\r\n\r\n" * 2 + OK], {"method": "POST"}, {"a": 1}, 1, POST
    ),
    "a switch of protocols is an invalid response": Case(
        [b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK],
        check=lambda outcome, server: isinstance(outcome, Failed) and outcome.code == "invalid_response",
    ),
    "a retry-after of many seconds means the cap": Case(
        [status(b"503 Busy", b"Retry-After: 99999999999")], check=waits_for_the_cap
    ),
    "a retry-after of 5000 digits means the cap": Case(
        [status(b"429 Busy", b"Retry-After: " + b"9" * 5000)], check=waits_for_the_cap
    ),
    "a retry-after beyond the last date means the cap": Case(
        [status(b"503 Busy", b"Retry-After: Fri, 31 Dec 9999 23:59:59 -2359")], check=waits_for_the_cap
    ),
    "spaces in a location are encoded": Case(
        [status(b"302 Found", b"Location: /a b?x=1 2"), OK],
        {"follow_redirects": True},
        request_lines=["GET /hook HTTP/1.1", "GET /a%20b?x=1%202 HTTP/1.1"],
    ),
    "non-ASCII and backslashes in a location are read as in a browser": Case(
        [status(b"302 Found", "Location: \\ä\\ö?ü".encode()), OK],
        {"follow_redirects": True},
        request_lines=["GET /hook HTTP/1.1", "GET /%C3%A4/%C3%B6?%C3%BC HTTP/1.1"],
    ),
    "a line break in a location adds no header": Case(
        [status(b"302 Found", b"Location: /a%0d%0aEvil: 1\rEvil: 2"), OK],
        {"follow_redirects": True},
        request_lines=["GET /hook HTTP/1.1", "GET /a%0D%0AEvil:%201Evil:%202 HTTP/1.1"],
        check=lambda outcome, server: "evil" not in server.headers(),
    ),
    "no run is lost when the server drops kept connections": Case(
        [drop_the_second_request],
        {"method": "POST"},
        n_runs=5,
        request_lines=POST * 5,
        check=lambda outcome, server: isinstance(outcome, Succeeded) and server.n_connections == 5,
    ),
    "a raw body is encoded in the charset of the content type": Case(
        [OK],
        {"method": "POST", "body_format": "raw", "headers": LATIN_1},
        "Zürich",
        1,
        POST,
        check=lambda outcome, server: server.body() == b"Z\xfcrich",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_unusual_exchange_has_the_right_outcome(case: Case) -> None:
    with raw_server(*case.answers) as server:
        config = parse({"kind": "http", "url": server.url("/hook"), **case.target}, case.payload)
        outcomes = [HttpTarget().execute(config, case.payload, RecordingContext()) for _ in range(case.n_runs)]
        assert server.request_lines == case.request_lines
        assert all(case.check(outcome, server) for outcome in outcomes), outcomes


def test_a_call_that_is_silent_for_a_minute_is_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The options are read from the client's socket while its request waits for the answer."""
    sockets: list[socket.socket] = []
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        sockets.append(self)
        real(self, address)

    seen: list[int] = []

    def answer(peer: socket.socket) -> None:
        seen.append(sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        peer.sendall(OK)

    monkeypatch.setattr(socket.socket, "connect", connect)
    with raw_server(answer) as server:
        HttpTarget().execute(parse({"kind": "http", "url": server.url()}, None), None, RecordingContext())
    assert seen == [1]


def test_a_payload_outside_its_charset_is_refused_when_saved_and_sent() -> None:
    target = {"kind": "http", "url": "http://127.0.0.1:9/", "method": "POST", "body_format": "raw", "headers": LATIN_1}
    with pytest.raises(InvalidTarget) as caught:
        parse(target, "Zürich €")
    assert '"€"' in caught.value.errors["payload"][0]
    outcome = HttpTarget().execute(parse_config(target), "Zürich €", RecordingContext())
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.permanent) == ("invalid_request", True)
