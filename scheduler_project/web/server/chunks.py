"""Finds the end of a body that is sent with `Transfer-Encoding: chunked`, while the body arrives."""

from __future__ import annotations

import re

SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;|$)")  # more digits than this are no size that anybody sends
MAX_FRAMING = 64 * 1024  # bytes: some 13,000 chunks, which are decoded within 50 ms
MIN_DATA_PER_FRAMING = 32  # bytes of a longer body for each byte of framing: chunks of 200 bytes or more
MAX_LINE = 8192  # bytes of a line with a size, or of the lines after the last chunk


class ChunkScanner:
    """Only decides whether a body has arrived. gunicorn's parser, which is stricter, decodes the body afterwards.

    A malformed body counts as arrived, so that the parser refuses it at once.
    """

    def __init__(self) -> None:
        self._at = 0  # where the next line starts
        self._searched = 0  # no line end is before this index
        self._is_last = False  # the last chunk has been read: trailers follow
        self._n_data = 0  # bytes of the body itself
        self._n_framing = 0  # bytes of sizes, extensions, line ends and trailers

    @property
    def is_wasteful(self) -> bool:
        """Whether the chunks are so small that decoding them costs seconds."""
        return self._n_framing > MAX_FRAMING + self._n_data // MIN_DATA_PER_FRAMING

    def end_of(self, received: bytearray) -> int | None:
        """Return the index after the end of the body, or None if a part of the body is missing."""
        while (end := received.find(b"\r\n", max(self._at, self._searched - 1))) >= 0:
            line = bytes(received[self._at : end])
            self._n_framing += end + 2 - self._at
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
                self._n_data += n_bytes
                self._n_framing += len(b"\r\n")
                self._at += n_bytes + len(b"\r\n")
                self._searched = self._at
        is_malformed = len(received) - self._at > MAX_LINE or received.find(b"\n", max(self._at, self._searched)) >= 0
        self._searched = len(received)
        return len(received) if is_malformed else None
