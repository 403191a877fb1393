"""One program under the supervisor: what to run, and its present process."""

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
    """What to run: `ready` is a pattern in its output; it is stopped by SIGTERM and killed `grace` seconds later."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: str = ""
    grace: float = 10.0


@dataclass(slots=True)
class Child:
    """A program's present process, and what is remembered of the earlier ones."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    splitter: LineSplitter = field(default_factory=LineSplitter)
    started_at: float = 0.0
    restart_at: float | None = None
    failures: FailureCount = field(default_factory=FailureCount)
    ready: bool = False
    last: deque[str] = field(default_factory=lambda: deque(maxlen=12))

    @property
    def name(self) -> str:
        """As in the log."""
        return self.program.name

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> int:
        """Spawn the process; returns the descriptor from which its output is read, without blocking."""
        reader, writer = os.pipe()
        try:
            self.process = spawn(
                self.program.command, output=writer, environment=self.program.environment, on_orphaned=signal.SIGTERM
            )
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        os.set_blocking(reader, False)
        self.splitter, self.started_at, self.restart_at = LineSplitter(), time.monotonic(), None
        return reader

    def ask_to_stop(self) -> None:
        """SIGTERM, and no further start."""
        self.restart_at = None
        if self.process and self.alive:
            self.process.terminate()

    def kill(self) -> None:
        """SIGKILL to the process and all that it started: each has a process group of its own."""
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            self.process.wait()
