"""Finds the end of a body that is sent with `Transfer-Encoding: chunked`, while the body arrives."""

from __future__ import annotations

import re

SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;|$)")  # more digits than this are no size that anybody sends
MAX_LINE = 8192  # bytes of a line with a size, or of the lines after the last chunk


class ChunkScanner:
    """Only decides whether a body has arrived. gunicorn's parser, which is stricter, decodes the body afterwards.

    A malformed body counts as arrived, so that the parser refuses it at once.
    """

    def __init__(self) -> None:
        self._at = 0  # where the next line starts
        self._searched = 0  # no line end is before this index
        self._is_last = False  # the last chunk has been read: trailers follow

    def end_of(self, received: bytearray) -> int | None:
        """Return the index after the end of the body, or None if a part of the body is missing."""
        while (end := received.find(b"\r\n", max(self._at, self._searched - 1))) >= 0:
            line = bytes(received[self._at : end])
            self._at = self._searched = end + 2
            if self._is_last:
                if not line:
                    return self._at
                continue
            size = SIZE.match(line)
            if size is None:
                return len(received)
            n_bytes = int(size[1], 16)
            self._is_last = not n_bytes
            if n_bytes:
                self._at += n_bytes + len(b"\r\n")
                self._searched = self._at
        self._searched = len(received)
        return len(received) if len(received) - self._at > MAX_LINE else None
