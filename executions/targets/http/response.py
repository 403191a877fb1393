"""A server's response, and how its status line and headers are read. `content.py` reads what follows."""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from executions.targets.http.failures import InvalidResponse
from executions.targets.http.meter import TooMuch

if TYPE_CHECKING:
    from io import BufferedReader

MAX_HEAD_BYTES = 128 * 1024  # of the headers of a response, including the interim responses (1xx) before it
MAX_LINE_BYTES = 64 * 1024
MAX_HEADER_LINES = 100  # of one response
SWITCHING_PROTOCOLS = 101  # the only 1xx status after which no other response follows

_STATUS_LINE = re.compile(rb"HTTP/(?:0\.9|1\.\d{1,3})[ \t]+([1-9]\d\d)([ \t].*)?\r?\n", re.DOTALL)
_NAME = re.compile(r"[^\x00-\x20:\x7f]+")


@dataclass(frozen=True, slots=True)
class Response:
    """A server's response. `body` is decompressed and at most `Limits.body_bytes` long."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    truncated: bool = False
    complete: bool = False  # False until the body has been read; stays False if the connection breaks before

    def header(self, name: str) -> str | None:
        """Return the value of the first header with this name, or None. `name` must be in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def joined(self, name: str) -> str:
        """Return the values of all headers with this name, separated by commas. `name` must be in lower case."""
        return ",".join(value for key, value in self.headers if key.lower() == name)


def read_head(stream: BufferedReader[Any]) -> Response:
    """Return the final response, without its body. Interim responses (1xx) before it are read and ignored.

    Raises InvalidResponse; http.client.RemoteDisconnected or http.client.IncompleteRead if the server closes the
    connection before or within the headers.
    """
    try:
        while True:
            response = _read_one_head(stream)
            if response.status == SWITCHING_PROTOCOLS:
                raise InvalidResponse("its status is 101: it switches to another protocol")
            if response.status >= 200:
                return response
    except TooMuch as error:
        kilobytes = MAX_HEAD_BYTES // 1024
        raise InvalidResponse(f"it begins with more than {kilobytes} KiB of headers") from error


def _read_one_head(stream: BufferedReader[Any]) -> Response:
    first = read_line(stream, "status line")
    if not first:
        raise http.client.RemoteDisconnected("")
    found = _STATUS_LINE.fullmatch(first)
    if found is None:
        raise InvalidResponse(f"it does not begin with a status line of HTTP/1: {first.decode('latin-1').strip()}")
    lines = _header_lines(stream)
    status = int(found[1])
    return Response(status, (found[2] or b"").decode("latin-1").strip(), _parse(lines) if status >= 200 else [])


def _header_lines(stream: BufferedReader[Any]) -> list[bytes]:
    lines: list[bytes] = []
    while (line := read_line(stream, "header line")) not in (b"\r\n", b"\n"):
        if not line:
            raise http.client.IncompleteRead(b"")
        if len(lines) == MAX_HEADER_LINES:
            raise InvalidResponse(f"it has more than {MAX_HEADER_LINES} lines of headers")
        lines.append(line)
    return lines


def _parse(lines: list[bytes]) -> list[tuple[str, str]]:
    """Return the headers.

    A line that is no header is ignored, as in browsers. It is not quoted anywhere, because it may be half of a cookie.
    """
    headers: list[tuple[str, str]] = []
    for line in lines:
        text = line.decode("latin-1")
        name, colon, value = text.partition(":")
        if text[0] in " \t":
            if headers:  # a value may continue on the next line
                headers[-1] = (headers[-1][0], f"{headers[-1][1]} {text.strip()}".strip())
        elif colon and _NAME.fullmatch(name.rstrip(" \t")):
            headers.append((name.rstrip(" \t"), value.strip()))
    return headers


def read_line(stream: BufferedReader[Any], kind: str) -> bytes:
    """Return the next line with its end; empty if the server has closed the connection.

    Raises http.client.IncompleteRead for half a line, and InvalidResponse for one that is too long.
    """
    line = stream.readline(MAX_LINE_BYTES + 1)
    if len(line) > MAX_LINE_BYTES:
        raise InvalidResponse(f"it has a {kind} of more than {MAX_LINE_BYTES // 1024} KiB")
    if line and not line.endswith(b"\n"):
        raise http.client.IncompleteRead(line)
    return line
