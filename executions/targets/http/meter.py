"""Counts what a server makes us read: an answer may be endless while its headers and its body stay small."""

from __future__ import annotations

import io


class TooMuch(Exception):
    """The server has sent more than was allowed."""


class Meter(io.RawIOBase):
    """Reads from `raw` until `n_left` bytes have come; then raises TooMuch instead of reading on."""

    def __init__(self, raw: io.RawIOBase, n_left: int) -> None:
        super().__init__()
        self._raw = raw
        self.n_left = n_left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int | None:  # type: ignore[override]  # a Buffer, from 3.12
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
