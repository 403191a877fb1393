"""Passes on to the log what the children write, and is the supervisor's one wait: any signal ends it at once."""

from __future__ import annotations

import os
import re
import selectors
import signal
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from scheduler_project.launch.child import Child
    from scheduler_project.launch.combined_log import CombinedLog


class OutputReader:
    """A context manager, for the main thread alone."""

    def __init__(self, lines: CombinedLog) -> None:
        self._lines = lines
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe()
        for descriptor in (self._reader, self._writer):
            os.set_blocking(descriptor, False)
        self._earlier_wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        # Without a handler the end of a child would wake nobody.
        self._earlier_handler = signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self._selector.register(self._reader, selectors.EVENT_READ)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._earlier_wakeup)
        signal.signal(signal.SIGCHLD, self._earlier_handler)
        self._selector.close()
        os.close(self._reader)
        os.close(self._writer)

    def attach(self, child: Child, descriptor: int) -> None:
        """From now on read this child's output, until it ends."""
        self._selector.register(descriptor, selectors.EVENT_READ, child)

    def run(self, seconds: float) -> None:
        """Pass on what has been written, waiting for it for `seconds` at the most."""
        for key, _ in self._selector.select(seconds):
            try:
                data = os.read(key.fd, 65536)
            except BlockingIOError:
                continue
            child: Child | None = key.data
            if child is None:  # a signal's wake-up byte
                continue
            for line in child.splitter.feed(data) if data else child.splitter.end():
                self._show(child, line)
            if not data:
                self._selector.unregister(key.fd)
                os.close(key.fd)

    def _show(self, child: Child, line: str) -> None:
        child.last.append(line)
        if child.program.ready and re.search(child.program.ready, line):
            child.ready = True
        self._lines.write(child.name, line)
