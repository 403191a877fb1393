"""Proves that no more bytes are read from a server than are allowed."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executions.targets.http.meter import MAX_SMALL_READS_PER_SECOND, N_FREE_READS, SMALL_READ_BYTES, Meter, TooMuch


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


@pytest.fixture(autouse=True)
def no_others() -> None:
    Meter._trickling.clear()


class Time:
    """Time that only pauses, and `seconds` for each read, let pass."""

    def __init__(self, seconds: float = 0) -> None:
        self.now, self._seconds, self.pauses = 100.0, seconds, 0.0

    def clock(self) -> float:
        self.now += self._seconds
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds
        self.pauses += seconds


def meter_of(raw: Raw, time: Time) -> Meter:
    return Meter(raw, 10**8, time.pause, time.clock)


@pytest.mark.parametrize("piece", [1, SMALL_READ_BYTES - 1])
def test_many_tiny_pieces_are_read_at_a_limited_rate(piece: int) -> None:
    time = Time()
    with meter_of(Raw(b"x" * piece * 3000, piece), time) as meter:
        assert len(meter.readall()) == piece * 3000

    assert time.pauses == pytest.approx((3000 - N_FREE_READS) / MAX_SMALL_READS_PER_SECOND, abs=0.01)


@pytest.mark.parametrize("seconds", [0, 0.0115])
def test_responses_that_trickle_share_the_rate(seconds: float) -> None:
    raws = [Raw(b"x" * 10**5, 1) for _ in range(100)]
    times = [Time(seconds) for _ in raws]
    meters = [meter_of(*pair) for pair in zip(raws, times, strict=True)]
    for _ in range(N_FREE_READS + 10):
        for meter in meters:
            meter.read(1)
    begun = times[0].now
    for _ in range(100):
        for meter in meters:
            meter.read(1)

    assert 100 * 100 / (times[0].now - begun) == pytest.approx(MAX_SMALL_READS_PER_SECOND, rel=0.1)
    for meter in meters:
        meter.close()
    with meter_of(Raw(b"x" * 3000, 1), Time()) as alone:
        assert len(alone.readall()) == 3000
        assert len(Meter._trickling) == 1, "the closed meters have given up their shares"


def test_pieces_of_some_size_are_read_without_a_pause() -> None:
    time = Time()
    with meter_of(Raw(b"x" * SMALL_READ_BYTES * 2000, SMALL_READ_BYTES), time) as meter:
        assert len(meter.readall()) == SMALL_READ_BYTES * 2000

    assert time.pauses == 0


def test_tiny_pieces_that_come_slowly_are_read_at_once() -> None:
    """A server may send a line of progress every few seconds for a day."""
    time = Time(0.02)
    with meter_of(Raw(b"x" * 10_000, 1), time) as meter:
        assert len(meter.readall()) == 10_000

    assert time.pauses == 0
