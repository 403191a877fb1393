"""Proves which network a client's connections count for, and how much of a request must arrive before it is served."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, NoMoreData

from scheduler_project.web.server.connection import MAX_BODY, MAX_HEAD, Connection
from scheduler_project.web.server.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\n"


@contextmanager
def connected(client: Any = ("192.0.2.1", 1)) -> Iterator[tuple[Connection, socket.socket]]:
    """A connection, and the socket of its client."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Connection(ours, client, ("127.0.0.1", 8000), Config()), theirs


@pytest.mark.parametrize(
    ("client", "network"),
    [
        (("192.0.2.1", 1), "192.0.2.1"),
        (("2001:db8::1:2:3:4", 1, 0, 0), "2001:db8::/64"),
        (("fe80::1%eth0", 1, 0, 2), "fe80::/64"),
        ("", ""),
    ],
)
def test_connections_count_for_the_network_of_their_client(client: Any, network: str) -> None:
    with connected(client) as (connection, _):
        assert connection.address == network


@pytest.mark.parametrize(("version", "understood"), [("1.0", (1, 0)), ("1.1", (1, 1)), ("1.2", (1, 1))])
def test_a_request_of_a_later_minor_version_is_one_of_http_1_1(version: str, understood: tuple[int, int]) -> None:
    with connected() as (connection, client):
        client.sendall(f"GET / HTTP/{version}\r\nHost: a\r\n\r\n".encode())
        assert connection.sock.receive()
        assert connection.has_request(is_open=True)
        assert connection.request.version == understood


@pytest.mark.parametrize(
    ("text", "body"),
    [
        (HEAD + b"\r\n", b""),
        (HEAD + b"Content-Length: 3\r\n\r\nabc", b"abc"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", b"abc"),
    ],
    ids=["no body", "length", "chunked"],
)
def test_a_request_is_complete_with_its_last_byte(text: bytes, body: bytes) -> None:
    with connected() as (connection, client):
        for index in range(len(text)):
            assert connection.is_idle == (index == 0)
            client.sendall(text[index : index + 1])
            assert connection.sock.receive()
            assert connection.has_request(is_open=True) == (index == len(text) - 1)
        assert connection.request.body.read() == body
        assert connection.sock.target == "/api/v1/jobs"


@pytest.mark.parametrize(
    "body", [b"Content-Length: 3\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]
)
def test_a_body_that_arrives_with_its_head_needs_no_100_continue(body: bytes) -> None:
    expecting = HEAD + b"Expect: 100-continue\r\n" + body
    with connected() as (connection, client):
        client.sendall(expecting + HEAD)
        connection.sock.receive()
        assert connection.has_request(is_open=True)
        assert connection.request.body.read() == b"abc"
        assert bytes(connection.sock.received) == HEAD, "the start of the next request"
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(100)


def test_100_continue_is_sent_once_if_a_part_of_the_body_is_missing() -> None:
    text = HEAD + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connected() as (connection, client):
        for part in (text + b"3\r\na", b"bc\r\n", b"0\r\n\r\n"):
            client.sendall(part)
            connection.sock.receive()
            has_request = connection.has_request(is_open=True)
        assert has_request and connection.request.body.read() == b"abc"
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"", NoMoreData),
        (b"GET / HT", NoMoreData),
        (HEAD, NoMoreData),
        (HEAD + b"Content-Length: 3\r\n\r\nab", Refusal),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", Refusal),
    ],
)
def test_a_client_that_leaves_before_the_end_is_not_served(text: bytes, error: type[Exception]) -> None:
    with connected() as (connection, client):
        client.sendall(text)
        client.close()
        while connection.sock.receive():
            pass
        with pytest.raises(error):
            connection.has_request(is_open=False)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"GET /" + b"x" * MAX_HEAD, LimitRequestLine),
        (HEAD + b"X-A: b\r\n" * (MAX_HEAD // 8), LimitRequestHeaders),
        (HEAD + b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1), Refusal),
    ],
)
def test_a_request_that_is_too_large_is_refused_before_it_has_arrived(text: bytes, error: type[Exception]) -> None:
    with connected() as (connection, _):
        connection.sock.received += text
        with pytest.raises(error):
            connection.has_request(is_open=True)


@pytest.mark.parametrize(
    ("line", "target"),
    [
        (b"GET http://elsewhere/api/v1/jobs HTTP/1.1", "/api/v1/jobs"),
        (b"GET https://elsewhere HTTP/1.1", "/"),
        (b"nonsense", ""),
    ],
)
def test_the_target_of_a_request_is_known_without_its_origin(line: bytes, target: str) -> None:
    with connected() as (connection, _):
        connection.sock.received += line + b"\r\n" + b"X-A: b\r\n" * MAX_HEAD
        with pytest.raises(LimitRequestHeaders):
            connection.has_request(is_open=True)
        assert connection.sock.target == target
