"""Responses that never end, for the tests of what a hostile server can do to a worker."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from tests.executions.targets.http.sending import OK

if TYPE_CHECKING:
    from tests.receiver import Handler, Reply

CHUNKED = OK + b"Transfer-Encoding: chunked\r\n"
GZIP = b"Content-Encoding: gzip\r\n"


def endless(start: bytes, piece: bytes, together: int = 32 * 1024) -> Reply:
    """Return a reply that sends `start`, and then `piece` until the client closes the connection."""

    def reply(handler: Handler) -> None:
        handler.wfile.write(start)
        pieces = piece * max(together // len(piece), 1)
        while not handler.receiver.closing.is_set():
            handler.wfile.write(pieces)
        handler.close_connection = True

    return reply


EMPTY_MEMBER = gzip.compress(b"")
EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"  # deflate: a stored block of no bytes
GZIP_HEAD = EMPTY_MEMBER[:10]
CHUNK_OF_A_BYTE = b"1;" + b"x" * 30_000 + b"\r\n.\r\n"

# By name: the reply, and whether its body is truncated ("cut"), kept ("whole": only what belongs to no body is endless)
# or the response is an error ("refused").
ENDLESS = {
    "interim responses": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "refused"),
    "interim responses with headers": (endless(b"", b"HTTP/1.1 100 Continue\r\nX-A: b\r\nX-C: d\r\n\r\n"), "refused"),
    "long headers": (endless(OK, b"X-Long: " + b"a" * 60_000 + b"\r\n"), "refused"),
    "a header byte by byte": (endless(OK + b"X-Long: ", b"a", 1), "refused"),
    "trailers": (endless(CHUNKED + b"\r\n1\r\n.\r\n0\r\n", b"X-Trailer: more\r\n"), "whole"),
    "chunk extensions": (endless(CHUNKED + b"\r\n", CHUNK_OF_A_BYTE), "cut"),
    "a body byte by byte": (endless(OK + b"\r\n", b".", 1), "cut"),
    "empty gzip members": (endless(OK + GZIP + b"\r\n", EMPTY_MEMBER), "cut"),
    "empty gzip members in chunks": (endless(CHUNKED + GZIP + b"\r\n", b"14\r\n" + EMPTY_MEMBER + b"\r\n"), "cut"),
    "empty deflate blocks": (endless(OK + GZIP + b"\r\n" + GZIP_HEAD, EMPTY_BLOCK), "cut"),
    "nothing after a gzip member": (endless(OK + GZIP + b"\r\n" + gzip.compress(b"done"), b"\0"), "whole"),
    "members in members": (
        endless(OK + b"Content-Encoding: gzip, gzip\r\n\r\n", gzip.compress(EMPTY_MEMBER * 50_000)),
        "refused",
    ),
}  # fmt: skip
