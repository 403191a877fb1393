"""Proves that no more bytes are read from a server than are allowed."""

from __future__ import annotations

import io
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executions.targets.http.meter import (
    MAX_SMALL_READS,
    N_FREE_READS,
    N_READS_PER_PAUSE,
    PAUSE_SECONDS,
    SMALL_READ_BYTES,
    Meter,
    TooMuch,
)


class Raw(io.RawIOBase):
    """A stream that returns its data in pieces of a fixed size."""

    def __init__(self, data: bytes, piece: int) -> None:
        super().__init__()
        self._data, self._piece = data, piece

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # a Buffer, from 3.12
        part = self._data[: min(self._piece, len(buffer))]
        self._data = self._data[len(part) :]
        buffer[: len(part)] = part
        return len(part)


def test_a_response_within_the_limit_is_read_whole() -> None:
    meter = Meter(Raw(b"x" * 100, 30), 101)

    assert meter.readall() == b"x" * 100
    assert meter.n_left == 1


@pytest.mark.parametrize("n_bytes", [100, 101, 1000], ids=["at the limit", "beyond", "far beyond"])
def test_the_read_after_the_limit_raises(n_bytes: int) -> None:
    with pytest.raises(TooMuch):
        Meter(Raw(b"x" * n_bytes, 30), 100).readall()


def test_the_read_that_reaches_the_limit_still_returns_its_bytes() -> None:
    meter = Meter(Raw(b"x" * 100, 60), 100)

    assert [meter.read(60), meter.read(60)] == [b"x" * 60, b"x" * 40]
    with pytest.raises(TooMuch):
        meter.read(60)


@settings(max_examples=40)
@given(st.integers(1, 500), st.integers(1, 64), st.integers(1, 500))
def test_at_most_one_piece_is_read_beyond_the_limit(n_bytes: int, piece: int, limit: int) -> None:
    meter, n_read = Meter(Raw(b"x" * n_bytes, piece), limit), 0
    try:
        while data := meter.read(64):
            n_read += len(data)
    except TooMuch:
        assert n_read >= limit
    else:
        assert n_read == n_bytes < limit
    assert n_read < limit + piece


def test_closing_a_meter_closes_what_it_reads_from() -> None:
    raw = Raw(b"", 1)
    Meter(raw, 10).close()

    assert raw.closed


def test_a_meter_works_below_a_buffer() -> None:
    lines = io.BufferedReader(Meter(Raw(b"one\ntwo\n" + b"x" * 9000, 7), 4000))

    assert [lines.readline(), lines.readline()] == [b"one\n", b"two\n"]
    with pytest.raises(TooMuch):
        lines.readline()


@pytest.mark.parametrize("piece", [1, SMALL_READ_BYTES - 1])
def test_many_tiny_pieces_make_the_reader_pause(piece: int) -> None:
    pauses: list[float] = []
    meter = Meter(Raw(b"x" * piece * 2000, piece), 10**6, pauses.append, lambda: 0)

    assert len(meter.readall()) == piece * 2000
    assert pauses == [PAUSE_SECONDS] * len(pauses)
    assert len(pauses) == pytest.approx((2000 - N_FREE_READS) / N_READS_PER_PAUSE, abs=1)


def test_pieces_of_some_size_are_read_without_a_pause() -> None:
    pauses: list[float] = []
    meter = Meter(Raw(b"x" * SMALL_READ_BYTES * 10_000, SMALL_READ_BYTES), 10**8, pauses.append, lambda: 0)

    assert len(meter.readall()) == SMALL_READ_BYTES * 10_000
    assert pauses == []


def test_tiny_pieces_without_end_are_too_much() -> None:
    meter, n_read = Meter(Raw(b"x" * 10**6, 1), 10**8, lambda seconds: None, lambda: 0), 0
    with pytest.raises(TooMuch, match="pieces of a few bytes"):
        while meter.read(64):
            n_read += 1
    assert n_read == MAX_SMALL_READS


def test_tiny_pieces_that_come_slowly_are_never_too_much() -> None:
    """A server may send a line of progress every few seconds for a day."""
    clock = itertools.count(0, 0.02)
    pauses: list[float] = []
    n_bytes = 2 * MAX_SMALL_READS

    assert len(Meter(Raw(b"x" * n_bytes, 1), 10**6, pauses.append, clock.__next__).readall()) == n_bytes
    assert pauses == []
