"""Reads the content of a response: by its length, in chunks, or up to the end of the connection; and unpacks it.

The work is limited by the bytes that are kept, and for chunks and compressed members also by their number: each costs
CPU time, however little it holds.
"""

from __future__ import annotations

import http.client
import re
import zlib
from typing import TYPE_CHECKING, Any

from executions.targets.http.failures import InvalidResponse
from executions.targets.http.meter import TooMuch
from executions.targets.http.response import read_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

    from executions.targets.http.response import Response

PIECE_BYTES = 16 * 1024
SMALL_CHUNK_BYTES = 256  # read in one call, which is cheaper
MAX_CHUNKS = 16 * 1024  # of one response; all one-byte chunks of a packet count as one, because they are read together
MAX_MEMBERS = 1024  # compressed parts of one body: gzip files of block compressors have one per 64 KB
PARTIAL_CONTENT = 206  # a part of a compressed body has no end of its own
GZIP_START = b"\x1f\x8b"

_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\n]*)?\r?\n")
_ONE_BYTE_CHUNKS = re.compile(rb"(?:1\r\n.\r\n)+", re.DOTALL)  # careless servers send a text character by character
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)
_GZIP, _ZLIB, _RAW_DEFLATE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


def read_content(stream: BufferedReader[Any], head: Response, method: str, max_bytes: int) -> tuple[bytes, bool]:
    """Return the unpacked content, at most `max_bytes`, and whether it was cut off there or at another limit.

    Raises InvalidResponse; http.client.IncompleteRead if the connection ends before the content does.
    """
    if method == "HEAD" or head.status in (204, 304):
        return b"", False
    unpacker = _unpacker(head.joined("content-encoding"))
    kept = bytearray()
    try:
        for piece in _pieces(stream, head):
            if unpacker:
                unpacker.feed(piece, kept, max_bytes + 1)
            else:
                kept += piece
            if len(kept) > max_bytes:
                return bytes(kept[:max_bytes]), True
            if unpacker and unpacker.has_ended:
                break
    except TooMuch:
        return bytes(kept), True
    if unpacker and not unpacker.may_end and head.status != PARTIAL_CONTENT:
        raise InvalidResponse("its compressed body is incomplete")
    return bytes(kept), False


def _pieces(stream: BufferedReader[Any], head: Response) -> Iterator[bytes]:
    named = [coding.strip().lower() for coding in head.joined("transfer-encoding").split(",")]
    codings = [coding for coding in named if coding not in ("", "identity")]
    if codings and codings[-1] == "chunked":
        return _chunks(stream)
    length = None if codings else _length(head.joined("content-length"))
    return _to_the_end(stream) if length is None else _exactly(stream, length)


def _length(stated: str) -> int | None:
    lengths = {part.strip() for part in stated.split(",")}
    if len(lengths) > 1:
        raise InvalidResponse("it has several headers Content-Length with different values")
    length = lengths.pop()
    return int(length) if _LENGTH.fullmatch(length) else None


def _to_the_end(stream: BufferedReader[Any]) -> Iterator[bytes]:
    while piece := stream.read1(PIECE_BYTES):
        yield piece


def _exactly(stream: BufferedReader[Any], n_bytes: int) -> Iterator[bytes]:
    while n_bytes:
        piece = stream.read1(min(n_bytes, PIECE_BYTES))
        if not piece:
            raise http.client.IncompleteRead(b"", n_bytes)
        n_bytes -= len(piece)
        yield piece


def _chunks(stream: BufferedReader[Any]) -> Iterator[bytes]:
    """Yield the data of each chunk. The trailers after the last chunk are not read: no other response follows."""
    for _ in range(MAX_CHUNKS):
        line = read_line(stream, "chunk-size line")
        found = _CHUNK_LINE.fullmatch(line)
        if found is None:
            if not line:
                raise http.client.IncompleteRead(b"")
            raise InvalidResponse("the size of a chunk is not a hexadecimal number")
        size = int(found[1], 16)
        if size == 0:
            return
        if size > SMALL_CHUNK_BYTES:
            yield from _exactly(stream, size)
        else:
            data = stream.read(size)
            if len(data) < size:
                raise http.client.IncompleteRead(b"")
            yield data
        if (end := stream.readline(2)) not in (b"\r\n", b"\n"):
            if end in (b"", b"\r"):
                raise http.client.IncompleteRead(b"")
            raise InvalidResponse("a chunk is longer than its stated size")
        if size == 1 and (run := _ONE_BYTE_CHUNKS.match(stream.peek(1))):
            yield stream.read(run.end())[3::6]
    raise TooMuch(f"more than {MAX_CHUNKS} chunks")


def _unpacker(encoding: str) -> _Unpacker | None:
    """Return the unpacker of a Content-Encoding; None for one that was not asked for: its bytes are kept as they are.

    Raises InvalidResponse for several encodings: unpacking one after the other could take very long.
    """
    if "," in encoding:
        raise InvalidResponse("its header Content-Encoding lists more than one encoding")
    match encoding.strip().lower():
        case "gzip" | "x-gzip":
            return _Unpacker(is_gzip=True)
        case "deflate":
            return _Unpacker(is_gzip=False)
        case _:
            return None


class _Unpacker:
    """Decompresses gzip with any number of members, or deflate with or without a zlib header."""

    def __init__(self, *, is_gzip: bool) -> None:
        self._is_gzip = is_gzip
        self._inflater = zlib.decompressobj(_GZIP) if is_gzip else None
        self._start = b""  # the first two bytes of the member: of deflate, they show whether there is a zlib header
        self._n_members = 1
        self.has_ended = False  # nothing after this point belongs to the content

    @property
    def may_end(self) -> bool:
        """Return whether the content is complete if nothing more follows. No bytes at all are an empty content."""
        is_complete = self.has_ended or (self._inflater is not None and self._inflater.eof)
        return is_complete or not self._start or self._is_padding()

    def feed(self, data: bytes, kept: bytearray, most: int) -> None:
        """Append what `data` unpacks to, until `kept` has `most` bytes; feed nothing more then."""
        if self._inflater is None:
            self._start = data = self._start + data
            if len(data) < 2:
                return
            has_zlib_header = data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0
            self._inflater = zlib.decompressobj(_ZLIB if has_zlib_header else _RAW_DEFLATE)
        while data and len(kept) < most and not self.has_ended:
            if self._inflater.eof:
                self._next_member()
            self._start = (self._start + data[:2])[:2]
            try:
                kept += self._inflater.decompress(data, most - len(kept))
            except zlib.error:
                if not self._is_padding():
                    raise InvalidResponse("its compressed body is damaged") from None
                self.has_ended = True
            data = self._inflater.unused_data
            self.has_ended = self.has_ended or (self._inflater.eof and not self._is_gzip)

    def _next_member(self) -> None:
        self._n_members += 1
        if self._n_members > MAX_MEMBERS:
            raise TooMuch(f"more than {MAX_MEMBERS} compressed parts")
        self._inflater, self._start = zlib.decompressobj(_GZIP), b""

    def _is_padding(self) -> bool:
        """Return whether the current bytes stand after the last member of gzip."""
        return self._n_members > 1 and self._start != GZIP_START
