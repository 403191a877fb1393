"""Proves how the content of a response is read and unpacked, where it is cut off, and what that costs."""

from __future__ import annotations

import gzip
import http.client
import io
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.targets.http.content import MAX_CHUNKS, MAX_MEMBERS, read_content
from executions.targets.http.failures import InvalidResponse
from executions.targets.http.meter import Meter
from executions.targets.http.response import Response
from tests.call_counter import counted_calls

LIMIT = 64 * 1024
CHUNKED = [("Transfer-Encoding", "chunked")]
GZIP = [("Content-Encoding", "gzip")]


class Slow(io.RawIOBase):
    """A stream of which each read returns one piece, as from a slow network."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__()
        self._pieces = [data[start : start + size] for start in range(0, len(data), size)]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # a Buffer, from 3.12
        piece = self._pieces.pop(0) if self._pieces else b""
        part, rest = piece[: len(buffer)], piece[len(buffer) :]
        if rest:
            self._pieces.insert(0, rest)
        buffer[: len(part)] = part
        return len(part)


def content(
    data: bytes,
    headers: list[tuple[str, str]],
    *,
    method: str = "GET",
    status: int = 200,
    limit: int = LIMIT,
    size: int = 8000,
) -> tuple[bytes, bool]:
    meter = Meter(Slow(data, size), 8 * LIMIT + 64 * 1024, lambda seconds: None)
    return read_content(io.BufferedReader(meter, 16 * 1024), Response(status, "", headers), method, limit)


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [*parts, b""])


@pytest.mark.parametrize(
    ("data", "headers", "body"),
    [
        (b"abc", [("Content-Length", "2")], b"ab"),
        (b"abc", [("Content-Length", "2, 2"), ("content-length", "2")], b"ab"),
        (b"abc", [("Content-Length", "0")], b""),
        (b"abc", [("Content-Length", "two")], b"abc"),
        (b"abc", [("Content-Length", "-1")], b"abc"),
        (b"abc", [], b"abc"),
        (b"abc", [("Transfer-Encoding", "odd"), ("Content-Length", "2")], b"abc"),
        (chunks(b"ab", b"c" * 300), [*CHUNKED, ("Content-Length", "1")], b"ab" + b"c" * 300),
        (chunks(b"ab"), [("Transfer-Encoding", "gzip, Chunked")], b"ab"),
        (chunks(b"ab"), [("Transfer-Encoding", "chunked,")], b"ab"),
        (b"abc", [("Transfer-Encoding", "identity"), ("Content-Length", "2")], b"ab"),
        (b"2 ;x=y\nab\n0\n", CHUNKED, b"ab"),
        (b"0002\r\nab\r\n000\r\nTrailer: half", CHUNKED, b"ab"),
    ],
)
def test_the_content_ends_where_its_framing_says(data: bytes, headers: list[tuple[str, str]], body: bytes) -> None:
    for size in (1, 3, 8000):
        assert content(data, headers, size=size) == (body, False)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_some_responses_have_no_content(method: str, status: int) -> None:
    assert content(b"abc", [("Content-Length", "3"), *GZIP], method=method, status=status) == (b"", False)


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        (b"a", [("Content-Length", "2")]),
        (b"2\r\na", CHUNKED),
        (b"200\r\n" + b"a" * 300, CHUNKED),
        (b"1\r\na\r\n", CHUNKED),
        (b"1\r\na", CHUNKED),
        (b"1\r\na\r", CHUNKED),
        (b"1", CHUNKED),
        (b"", CHUNKED),
    ],
)
def test_a_connection_that_closes_within_the_content_is_incomplete(data: bytes, headers: list[tuple[str, str]]) -> None:
    with pytest.raises(http.client.IncompleteRead):
        content(data, headers)


@pytest.mark.parametrize(
    ("data", "headers", "why"),
    [
        (b"x\r\n", CHUNKED, "hexadecimal"),
        (b"-1\r\n", CHUNKED, "hexadecimal"),
        (b"0x1\r\na\r\n", CHUNKED, "hexadecimal"),
        (b"1_0\r\n", CHUNKED, "hexadecimal"),
        (b" 1\r\n", CHUNKED, "hexadecimal"),
        (b"1\r\nabc\r\n", CHUNKED, "longer than its stated size"),
        (b"1;" + b"x" * 70_000 + b"\r\na\r\n", CHUNKED, "64 KiB"),
        (b"abc", [("Content-Length", "2"), ("Content-Length", "3")], "different values"),
        (b"abc", GZIP, "damaged"),
        (b"\x78\x9c\xff\xff", [("Content-Encoding", "deflate")], "damaged"),
        (b"abc", [*GZIP, *GZIP], "more than one encoding"),
    ],
)
def test_broken_framing_is_an_invalid_response(data: bytes, headers: list[tuple[str, str]], why: str) -> None:
    with pytest.raises(InvalidResponse, match=why):
        content(data, headers)


RAW_DEFLATE = zlib.compress(b"hello " * 100)[2:-4]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (gzip.compress(b"hello " * 100), "gzip"),
        (gzip.compress(b"hello " * 50) + gzip.compress(b"hello " * 50), "X-GZIP"),
        (gzip.compress(b"hello " * 100) + b"\0" * 1000, "gzip"),
        (gzip.compress(b"hello " * 100) + b"\0", "gzip"),
        (gzip.compress(b"hello " * 100) + b"\x1f", "gzip"),
        (zlib.compress(b"hello " * 100), "deflate"),
        (zlib.compress(b"hello " * 100) + b"more", "deflate"),
        (RAW_DEFLATE, "deflate"),
        (b"hello " * 100, "identity"),
        (b"hello " * 100, "br"),
    ],
    ids=[
        "gzip",
        "two members",
        "padding",
        "byte",
        "half a start",
        "zlib",
        "rest",
        "raw deflate",
        "identity",
        "not asked for",
    ],
)
@pytest.mark.parametrize("size", [1, 7, 8000])
def test_compressed_content_is_unpacked(data: bytes, encoding: str, size: int) -> None:
    assert content(data, [("Content-Encoding", encoding)], size=size) == (b"hello " * 100, False)
    framed = chunks(*(data[start : start + size] for start in range(0, len(data), size)))
    assert content(framed, [*CHUNKED, ("Content-Encoding", encoding)]) == (b"hello " * 100, False)


PACKED = {
    "gzip": gzip.compress(b"hello " * 100),
    "two members": gzip.compress(b"hello " * 50) + gzip.compress(b"hello " * 50),
    "zlib": zlib.compress(b"hello " * 100),
    "raw deflate": RAW_DEFLATE,
}
FRAMES: list[Callable[[bytes], tuple[bytes, list[tuple[str, str]]]]] = [
    lambda data: (data, [("Content-Length", str(len(data)))]),
    lambda data: (chunks(data), CHUNKED),
    lambda data: (data, []),
]


@pytest.mark.parametrize("frame", FRAMES, ids=["length", "chunks", "connection"])
@pytest.mark.parametrize("name", PACKED)
def test_compressed_content_that_stops_before_its_end_is_incomplete(name: str, frame: Callable[..., Any]) -> None:
    packed = PACKED[name]
    first_end = len(gzip.compress(b"hello " * 50))  # the end of a member is an end of the content; see "half a start"
    for n_bytes in set(range(1, len(packed))) - ({first_end, first_end + 1} if name == "two members" else set()):
        data, headers = frame(packed[:n_bytes])
        for size in (1, 8000):
            with pytest.raises(InvalidResponse, match="its compressed body is incomplete"):
                content(
                    data, [*headers, ("Content-Encoding", "gzip" if packed[:1] == b"\x1f" else "deflate")], size=size
                )


@pytest.mark.parametrize("frame", FRAMES, ids=["length", "chunks", "connection"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_an_empty_body_is_complete_under_every_encoding(encoding: str, frame: Callable[..., Any]) -> None:
    data, headers = frame(b"")
    assert content(data, [*headers, ("Content-Encoding", encoding)]) == (b"", False)


def test_compressed_content_that_is_cut_off_at_the_limit_may_be_incomplete() -> None:
    assert content(PACKED["gzip"][:-1], GZIP, limit=599) == (b"hello " * 99 + b"hello", True)
    assert content(PACKED["raw deflate"][:-1], [("Content-Encoding", "deflate")], limit=10) == (b"hello hell", True)


def test_a_requested_part_of_compressed_content_has_no_end() -> None:
    assert content(PACKED["gzip"][:-8], GZIP, status=206) == (b"hello " * 100, False)


def test_a_damaged_second_member_is_no_padding() -> None:
    with pytest.raises(InvalidResponse, match="damaged"):
        content(PACKED["gzip"] + PACKED["gzip"][:10] + b"\xff" * 100, GZIP)


@given(st.binary(max_size=2000), st.integers(1, 500), st.integers(0, 1999), st.sampled_from(["", "gzip", "deflate"]))
def test_the_content_is_cut_exactly_at_its_limit(body: bytes, size: int, limit: int, encoding: str) -> None:
    packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body) if encoding else body
    headers = [*CHUNKED, ("Content-Encoding", encoding)]
    framed = chunks(*(packed[start : start + size] for start in range(0, len(packed), size)))
    assert content(framed, headers, limit=limit) == (body[:limit], len(body) > limit)


def test_one_byte_chunks_are_read_whole_and_other_tiny_chunks_are_limited() -> None:
    assert content(chunks(*[b"."] * LIMIT), CHUNKED) == (b"." * LIMIT, False)
    assert content(chunks(*[b"\r", b"\n"] * 1000), CHUNKED, size=7) == (b"\r\n" * 1000, False)
    assert content(chunks(*[b".."] * (MAX_CHUNKS + 1)), CHUNKED) == (b".." * MAX_CHUNKS, True)


def test_compressed_parts_are_limited() -> None:
    body, truncated = content(gzip.compress(b"") * (MAX_MEMBERS + 1) + gzip.compress(b"end"), GZIP)
    assert (body, truncated) == (b"", True)


def test_the_compressed_parts_up_to_the_limit_are_kept() -> None:
    body, truncated = content(gzip.compress(b".") * (MAX_MEMBERS + 1), GZIP)
    assert (body, truncated) == (b"." * MAX_MEMBERS, True)


COSTS = {
    "chunks of one byte": (chunks(*[b"."] * LIMIT), CHUNKED, 1000),
    "chunks of two bytes": (chunks(*[b".."] * (LIMIT // 2)), CHUNKED, 12 * MAX_CHUNKS),
    "empty members": (gzip.compress(b"") * 25_000, GZIP, 8 * MAX_MEMBERS),
    "empty members in chunks": (chunks(*[gzip.compress(b"")] * 20_000), [*CHUNKED, *GZIP], 20 * MAX_MEMBERS),
    "empty blocks": (gzip.compress(b"")[:10] + b"\0\0\0\xff\xff" * 100_000 + gzip.compress(b"")[10:], GZIP, 1000),
    "trailers": (chunks(b".")[:-2] + b"a:\r\n" * 100_000, CHUNKED, 100),
}


@pytest.mark.parametrize(("data", "headers", "most"), COSTS.values(), ids=COSTS)
def test_no_content_takes_many_calls(data: bytes, headers: list[tuple[str, str]], most: int) -> None:
    with counted_calls() as calls:
        content(data, headers, size=16 * 1024)
    assert calls.n <= most
