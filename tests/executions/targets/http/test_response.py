"""Proves how the head of a response is read: past interim responses, with its limits, and whatever the server sends."""

from __future__ import annotations

import http.client
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.targets.http import response
from executions.targets.http.failures import InvalidResponse
from executions.targets.http.meter import Meter
from executions.targets.http.response import MAX_HEAD_BYTES, MAX_HEADER_LINES, MAX_LINE_BYTES, Response, read_head
from tests.call_counter import counted_calls
from tests.regex_steps import count_steps


def head_of(data: bytes) -> Response:
    raw = io.BytesIO(data)
    return read_head(io.BufferedReader(Meter(raw, MAX_HEAD_BYTES)))  # type: ignore[arg-type]  # read like a socket


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\n", 200, "OK"),
        (b"HTTP/1.0 404  Not here \r\n", 404, "Not here"),
        (b"HTTP/1.1 204\r\n", 204, ""),
        (b"HTTP/1.1 204 \n", 204, ""),
        (b"HTTP/1.1 599 gr\xfcn\r\n", 599, "grün"),
    ],
)
def test_a_status_line_has_a_status_and_a_reason(line: bytes, status: int, reason: str) -> None:
    response = head_of(line + b"\r\n")
    assert (response.status, response.reason, response.headers) == (status, reason, [])


@pytest.mark.parametrize(
    "line",
    [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 abc OK\r\n", b"HTTP/2 200\r\n", b"HTTP/1.1 20 x\r\n", b"HTTP/1.1 2000\r\n",
     b"HTTP/1.1 099 x\r\n", b"HTTP/1.1200 OK\r\n", b"\r\n", b"220 mail ESMTP\r\n", b"http/1.1 200 OK\r\n"],
)  # fmt: skip
def test_any_other_first_line_is_an_invalid_response(line: bytes) -> None:
    with pytest.raises(InvalidResponse, match="status line"):
        head_of(line + b"\r\n")


@pytest.mark.parametrize("status", [100, 102, 103, 104, 199])
def test_interim_responses_are_read_past(status: int) -> None:
    interim = b"HTTP/1.1 %d Wait\r\nLink: </a.css>\r\nSet-Cookie: a=b\r\n\r\n" % status
    response = head_of(interim * 3 + b"HTTP/1.1 201 Created\r\nServer: x\r\n\r\n")
    assert (response.status, response.headers) == (201, [("Server", "x")])


def test_a_switch_of_protocols_is_an_invalid_response() -> None:
    with pytest.raises(InvalidResponse, match="status is 101"):
        head_of(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")


def test_interim_responses_without_end_are_an_invalid_response() -> None:
    with pytest.raises(InvalidResponse, match="128 KiB of headers"):
        head_of(b"HTTP/1.1 102 Processing\r\n\r\n" * 10_000)


@pytest.mark.parametrize(
    ("lines", "headers"),
    [
        (b"A: b\r\nc:d\r\n", [("A", "b"), ("c", "d")]),
        (b"A:  b \t\r\n", [("A", "b")]),
        (b"A : b\r\n", [("A", "b")]),
        (b"A:\r\nB: c:d\n", [("A", ""), ("B", "c:d")]),
        (b"A: b\r\n  c\r\n\td\r\n", [("A", "b c d")]),
        (b"  lost\r\nA: b\r\n", [("A", "b")]),
        (b"A: \xc3\xa9\r\n", [("A", "\u00c3\u00a9")]),
        (b"A: 1\r\nA: 2\r\n", [("A", "1"), ("A", "2")]),
        (b"no header\r\nContent-Length: 2\r\n: x\r\nB C: d\r\n", [("Content-Length", "2")]),
    ],
)
def test_headers_are_read_and_other_lines_are_ignored(lines: bytes, headers: list[tuple[str, str]]) -> None:
    assert head_of(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n").headers == headers


def test_the_values_of_a_header_can_be_read_alone_or_together() -> None:
    response = Response(200, "", [("Vary", "a"), ("vary", "b")])
    assert (response.header("vary"), response.joined("vary")) == ("a", "a,b")
    assert (response.header("age"), response.joined("age")) == (None, "")


@pytest.mark.parametrize("n_lines", [MAX_HEADER_LINES, MAX_HEADER_LINES + 1])
def test_the_lines_of_headers_are_limited(n_lines: int) -> None:
    data = b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * n_lines + b"\r\n"
    if n_lines == MAX_HEADER_LINES:
        assert len(head_of(data).headers) == n_lines
    else:
        with pytest.raises(InvalidResponse, match="more than 100 lines"):
            head_of(data)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nA: "])
def test_a_line_is_limited(start: bytes) -> None:
    with pytest.raises(InvalidResponse, match="more than 64 KiB"):
        head_of(start + b"x" * (MAX_LINE_BYTES + 1) + b"\r\n\r\n")


@pytest.mark.parametrize("filler", [b" ", b"\t", b"a ", b"\r", b":", b"a"])
@pytest.mark.parametrize("start", [b"HTTP/1.1 200 a", b"HTTP/1.1 200 OK\r\nA: ", b"HTTP/1.1 200 OK\r\n"])
def test_the_work_for_a_line_grows_with_its_length_alone(
    start: bytes, filler: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_calls = []
    for n_bytes in (6_000, 60_000):
        data = start + filler * (n_bytes // len(filler)) + b"x\r\n\r\n"
        count_steps(response, monkeypatch, most=3 * len(data))
        assert head_of(data).status == 200
        monkeypatch.undo()
        with counted_calls() as calls:
            head_of(data)
        n_calls.append(calls.n)
    assert n_calls[1] - n_calls[0] <= 40, "a few reads more, because they are of 8 KB"


def test_a_connection_that_closes_without_a_byte_is_no_response() -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        head_of(b"")


@pytest.mark.parametrize(
    "data", [b"HTT", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nA: b", b"HTTP/1.1 200 OK\r\nA: b\r\n"]
)
def test_a_connection_that_closes_within_the_head_is_an_incomplete_response(data: bytes) -> None:
    with pytest.raises(http.client.IncompleteRead):
        head_of(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_head_or_an_expected_error(data: bytes) -> None:
    for start in (b"", b"HTTP/1.1 200 OK\r\n"):
        try:
            head = head_of(start + data)
        except (InvalidResponse, http.client.HTTPException):
            continue
        assert all(name and not set(name) & set(" :\r\n\t") and "\n" not in value for name, value in head.headers)
