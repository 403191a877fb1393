"""Limits what reading from a server may cost: the bytes, and the number of tiny reads.

A response with small headers and a small body can still be endless: for example, a server can send interim responses
(status 102) without end. And a response that arrives byte by byte costs a thousand times the CPU time of the same bytes
in one packet.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable

SMALL_READ_BYTES = 256  # a read of fewer bytes costs more CPU time than its bytes are worth
RAPID_SECONDS = 0.01  # a small read that had to wait longer than this is no load: a server may send a line per second
N_FREE_READS = 256  # rapid small reads at full speed
N_READS_PER_PAUSE = 32  # then one pause after so many: meanwhile the operating system joins the arriving pieces
PAUSE_SECONDS = 0.01
MAX_SMALL_READS = 4096  # rapid small reads of one response: TLS records are not joined, however long the pauses are


class TooMuch(Exception):
    """The server has sent more than is allowed. The text says what, as in "more than 128 KiB of headers"."""


class Meter(io.RawIOBase):
    """A stream that reads from `raw`. When it has read `n_left` bytes or more, the next read raises TooMuch.

    `pause` waits for the given seconds; it is called while the server sends tiny pieces faster than they are worth.
    """

    def __init__(
        self,
        raw: io.RawIOBase,
        n_left: int,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._raw, self._pause, self._clock = raw, pause, clock
        self._n_small = 0
        self.n_left = n_left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int | None:  # type: ignore[override]  # Buffer is 3.12
        if self.n_left <= 0:
            raise TooMuch("more bytes than are read")
        started = self._clock()
        n_read = self._raw.readinto(buffer)
        self.n_left -= n_read or 0
        if n_read and n_read < SMALL_READ_BYTES and self._clock() - started < RAPID_SECONDS:
            self._count_small()
        return n_read

    def _count_small(self) -> None:
        self._n_small += 1
        if self._n_small > MAX_SMALL_READS:
            raise TooMuch(f"more than {MAX_SMALL_READS} pieces of a few bytes")
        if self._n_small > N_FREE_READS and self._n_small % N_READS_PER_PAUSE == 0:
            self._pause(PAUSE_SECONDS)

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()
