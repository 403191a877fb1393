"""Adds the output and the log records of a command to the log of its run."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from executions.targets.base import MAX_LOG_LINE_LENGTH

Log = Callable[[str, str], None]

# Keys that structlog adds. The run's log stores the level and the time of each line anyway.
_OWN_KEYS = frozenset({"event", "level", "logger", "timestamp"})


@contextlib.contextmanager
def captured(log: Log) -> Iterator[None]:
    """Send the output of this thread to `log(message, level)`: stdout, stderr, and log records of INFO and above.

    Records below the level of their logger (by default `MAINSPRING_LOG_LEVEL`) are not sent. The other logging handlers
    still get the log records. Other threads of the process print and log as before.
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
    """A text stream that logs what one thread writes. Other threads write to the original stream."""

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
        while len(self._rest) >= MAX_LOG_LINE_LENGTH:
            self._log(self._rest[:MAX_LOG_LINE_LENGTH], self._level)
            self._rest = self._rest[MAX_LOG_LINE_LENGTH:]
        return len(text)

    def _add(self, line: str) -> None:
        for start in range(0, max(len(line), 1), MAX_LOG_LINE_LENGTH):
            self._log(line[start : start + MAX_LOG_LINE_LENGTH].rstrip("\r"), self._level)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._original.fileno()

    @property
    def buffer(self) -> Any:
        """The byte buffer of the original stream: bytes are not captured."""
        return self._original.buffer

    def finish(self) -> None:
        """Log the last line if it has no line break."""
        rest, self._rest = self._rest, ""
        if rest:
            self._add(rest)


class _RunLogHandler(logging.Handler):
    """Sends the log records of one thread to the run's log: records of INFO and above.

    Records that the run's log itself produces are left out.
    """

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
            self._log(f"A log record of {record.name} can't be formatted: {str(record.msg)[:200]}", "warning")
        finally:
            self._busy = False

    def _render(self, record: logging.LogRecord) -> str:
        if not isinstance(record.msg, dict):
            return self.format(record)
        pairs = " ".join(
            f"{key}={value}" for key, value in record.msg.items() if key not in _OWN_KEYS and key[:1] != "_"
        )
        return f"{record.msg.get('event', '')} {pairs}".strip()
