"""Limits what reading from a server may cost: the bytes, and the number of tiny reads.

A response with small headers and a small body can still be endless: for example, a server can send interim responses
(status 102) without end. And a response that arrives byte by byte costs a thousand times the CPU time of the same bytes
in one packet.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import ClassVar
from weakref import WeakSet

SMALL_READ_BYTES = 256  # a read of fewer bytes costs more CPU time than its bytes are worth
N_FREE_READS = 256  # small reads of one response at full speed
MAX_SMALL_READS_PER_SECOND = 1000  # of all responses of this process that have made more than the free ones


class TooMuch(Exception):
    """The server has sent more than is allowed. The text says what, as in "more than 128 KiB of headers"."""


class Meter(io.RawIOBase):
    """A stream that reads from `raw`. When it has read `n_left` bytes or more, the next read raises TooMuch.

    `pause` waits for the given seconds. It is called while the server sends tiny pieces: meanwhile the operating system
    joins the pieces that arrive.
    """

    _trickling: ClassVar[WeakSet[Meter]] = WeakSet()  # the open ones that have made their free small reads

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
        self._last_small_at = 0.0
        self.n_left = n_left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int | None:  # type: ignore[override]  # Buffer is 3.12
        if self.n_left <= 0:
            raise TooMuch("more bytes than are read")
        n_read = self._raw.readinto(buffer)
        self.n_left -= n_read or 0
        if n_read and n_read < SMALL_READ_BYTES:
            self._n_small += 1
            if self._n_small > N_FREE_READS:
                self._slow_down()
        return n_read

    def _slow_down(self) -> None:
        self._trickling.add(self)
        next_at = self._last_small_at + len(self._trickling) / MAX_SMALL_READS_PER_SECOND
        now = self._clock()
        if now < next_at:
            self._pause(next_at - now)
        self._last_small_at = max(now, next_at)

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._trickling.discard(self)
        self._raw.close()
        super().close()
