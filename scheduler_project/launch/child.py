"""A program that the supervisor runs: its command, and its current process."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scheduler_project.launch.combined_log import LineSplitter
from scheduler_project.launch.processes import spawn
from scheduler_project.launch.restart_policy import FailureCount

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Program:
    """A command that the supervisor keeps running.

    `ready` is a regular expression: the program counts as ready when a line of its output matches, or after
    `ASSUME_READY_AFTER`. To stop the program, the supervisor sends SIGTERM and, `grace` seconds later, SIGKILL.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: str = ""
    grace: float = 10.0


@dataclass(slots=True)
class Child:
    """A program's current process, its recent failures and its last lines of output."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    splitter: LineSplitter = field(default_factory=LineSplitter)
    started_at: float = 0.0
    restart_at: float | None = None
    failures: FailureCount = field(default_factory=FailureCount)
    ready: bool = False
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=12))  # shown when the supervisor gives up

    @property
    def name(self) -> str:
        """The program's name in the log."""
        return self.program.name

    @property
    def alive(self) -> bool:
        """Whether the process is running."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> int:
        """Start the process; return a non-blocking file descriptor for reading its output."""
        reader, writer = os.pipe()
        try:
            self.process = spawn(
                self.program.command, output=writer, environment=self.program.environment, on_orphaned=signal.SIGTERM
            )
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)  # the child has its own copy; this copy would keep the pipe open after the child has ended
        os.set_blocking(reader, False)
        self.splitter, self.started_at, self.restart_at = LineSplitter(), time.monotonic(), None
        return reader

    def ask_to_stop(self) -> None:
        """Send SIGTERM and cancel a planned restart."""
        self.restart_at = None
        if self.process and self.alive:
            self.process.terminate()

    def kill(self) -> None:
        """Send SIGKILL to the process and its children, which share its process group."""
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:  # the process and all its children have ended
                return
            self.process.wait()
