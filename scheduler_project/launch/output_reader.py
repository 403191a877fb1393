"""Copies the output of the programs to the log.

The supervisor checks its programs in a loop, and waits in `OutputReader.run` between two checks. Output or a signal
ends the wait.
"""

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


READ_BYTES = 64 * 1024  # the capacity of a pipe on Linux


class OutputReader:
    """Copies the output of the programs to the log. Use it as a context manager, in the main thread.

    It sets a handler for SIGCHLD, and Python sets signal handlers only in the main thread.
    """

    def __init__(self, log: CombinedLog) -> None:
        self._log = log
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        # Python writes a byte to this pipe for each signal, which ends select() without a race: a signal that arrives
        # just before select() is not missed.
        self._reader, self._writer = os.pipe()
        for descriptor in (self._reader, self._writer):
            os.set_blocking(descriptor, False)
        self._earlier_wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        # Without a handler, SIGCHLD is ignored and does not end the wait.
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
        """Let `run` copy this child's output from the pipe `descriptor`, until the pipe is closed."""
        self._selector.register(descriptor, selectors.EVENT_READ, child)

    def run(self, seconds: float) -> None:
        """Wait up to `seconds` for output or a signal. Then copy the available output to the log."""
        for key, _ in self._selector.select(seconds):
            try:
                data = os.read(key.fd, READ_BYTES)
            except BlockingIOError:
                continue
            child: Child | None = key.data
            if child is None:  # the byte that a signal wrote to the wake-up pipe
                continue
            for line in child.splitter.feed(data) if data else child.splitter.flush():
                self._write(child, line)
            if not data:
                self._selector.unregister(key.fd)
                os.close(key.fd)

    def _write(self, child: Child, line: str) -> None:
        child.last_lines.append(line)
        if child.program.ready and re.search(child.program.ready, line):
            child.ready = True
        self._log.write(child.name, line)
