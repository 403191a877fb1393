"""Limits the bytes that are read from a server.

A response with small headers and a small body can still be endless: for example, a server can send interim responses
(status 100) without end.
"""

from __future__ import annotations

import io


class TooMuch(Exception):
    """The server has sent more bytes than are allowed."""


class Meter(io.RawIOBase):
    """A stream that reads from `raw`. When it has read `n_left` bytes or more, the next read raises TooMuch."""

    def __init__(self, raw: io.RawIOBase, n_left: int) -> None:
        super().__init__()
        self._raw = raw
        self.n_left = n_left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int | None:  # type: ignore[override]  # Buffer is 3.12
        if self.n_left <= 0:
            raise TooMuch
        n_read = self._raw.readinto(buffer)
        self.n_left -= n_read or 0
        return n_read

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()
