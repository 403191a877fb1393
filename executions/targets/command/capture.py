"""Brings what a command prints and logs into its run's log."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, TextIO

Log = Callable[[str, str], None]

MAX_LINE = 8 * 1024  # characters; a longer line is broken
_NOISE = frozenset({"event", "level", "logger", "timestamp"})  # structlog's own, which the run's log shows anyway


@contextlib.contextmanager
def captured(log: Log) -> Iterator[None]:
    """Send this thread's stdout and stderr, line by line, and its log records of INFO and above to `log`.

    What other threads of the process print or log goes where it always went.
    """
    handler = _RunLogHandler(log)
    root = logging.getLogger()
    out, err = _Lines(sys.stdout, "info", log), _Lines(sys.stderr, "warning", log)
    root.addHandler(handler)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield
    finally:
        root.removeHandler(handler)
        handler.close()
        out.finish()
        err.finish()


class _Lines(io.TextIOBase):
    """Cuts what is written into lines."""

    encoding = "utf-8"

    def __init__(self, original: TextIO, level: str, log: Log) -> None:
        self._original, self._level, self._log = original, level, log
        self._thread = threading.get_ident()
        self._rest = ""

    def write(self, text: str, /) -> int:
        if threading.get_ident() != self._thread:
            return self._original.write(text)
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._add(line)
        while len(self._rest) >= MAX_LINE:
            self._log(self._rest[:MAX_LINE], self._level)
            self._rest = self._rest[MAX_LINE:]
        return len(text)

    def _add(self, line: str) -> None:
        for start in range(0, max(len(line), 1), MAX_LINE):
            self._log(line[start : start + MAX_LINE].rstrip("\r"), self._level)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._original.fileno()

    @property
    def buffer(self) -> Any:
        """Bytes are not captured: they go where they always went."""
        return self._original.buffer

    def finish(self) -> None:
        """Log what came without a line break at the end."""
        rest, self._rest = self._rest, ""
        if rest:
            self._add(rest)


class _RunLogHandler(logging.Handler):
    """Passes on the records of one thread. What the log itself logs on the way is left out."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.INFO)
        self._log = log
        self._thread = threading.get_ident()
        self._busy = False

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread != self._thread or self._busy:
            return
        self._busy = True
        try:
            self._log(self._render(record), record.levelname.lower())
        except (TypeError, ValueError):
            self._log(f"A record of {record.name} can't be shown: {str(record.msg)[:200]}", "warning")
        finally:
            self._busy = False

    def _render(self, record: logging.LogRecord) -> str:
        if not isinstance(record.msg, dict):
            return self.format(record)
        facts = " ".join(f"{key}={value}" for key, value in record.msg.items() if key not in _NOISE and key[:1] != "_")
        return f"{record.msg.get('event', '')} {facts}".strip()
