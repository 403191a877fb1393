"""Proves that the end of a chunked body is found where gunicorn's parser finds it, however its bytes arrive."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from gunicorn.http.body import Body, ChunkedReader
from gunicorn.http.unreader import IterUnreader
from hypothesis import given
from hypothesis import strategies as st

from scheduler_project.web.server.chunks import MAX_LINE, ChunkScanner

EXTENSIONS = st.sampled_from([b"", b";a", b";a=b", b' ; a="b;c"'])
CHUNKS = st.lists(st.tuples(st.binary(min_size=1, max_size=40), EXTENSIONS), max_size=6)
TRAILERS = st.sampled_from([b"", b"X-A: b\r\n", b"X-A: b\r\nX-C: d\r\n"])


def encoded(chunks: list[tuple[bytes, bytes]], trailers: bytes = b"") -> bytes:
    return b"".join(b"%x%b\r\n%b\r\n" % (len(data), extension, data) for data, extension in chunks) + (
        b"0\r\n" + trailers + b"\r\n"
    )


def decoded(text: bytes) -> bytes:
    """What gunicorn's parser reads."""
    request = SimpleNamespace(parse_headers=lambda *_, **__: [])
    return Body(ChunkedReader(request, IterUnreader(iter([text])))).read()  # type: ignore[no-any-return]  # untyped


@given(CHUNKS, TRAILERS, st.binary(max_size=5), st.integers(1, 30))
def test_the_end_is_known_as_soon_as_it_has_arrived(
    chunks: list[tuple[bytes, bytes]], trailers: bytes, next_request: bytes, size: int
) -> None:
    text = encoded(chunks, trailers)
    scanner, received = ChunkScanner(), bytearray()
    while len(received) + size < len(text):
        received += text[len(received) : len(received) + size]
        assert scanner.end_of(received) is None
    received += text[len(received) :] + next_request

    assert scanner.end_of(received) == len(text)
    assert decoded(text) == b"".join(data for data, _ in chunks)


@pytest.mark.parametrize("text", [b"x\r\n", b"\r\n", b"-1\r\n", b"123456789\r\n"])
def test_a_malformed_size_ends_the_body(text: bytes) -> None:
    assert ChunkScanner().end_of(bytearray(text)) == len(text)


@pytest.mark.parametrize("start", [b"", b"0\r\nX-A: "], ids=["size", "trailer"])
def test_a_line_without_an_end_ends_the_body(start: bytes) -> None:
    scanner = ChunkScanner()

    assert scanner.end_of(bytearray(start + b"1" * (MAX_LINE - 10))) is None
    assert scanner.end_of(bytearray(start + b"1" * (MAX_LINE + 10))) is not None
