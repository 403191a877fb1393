"""Runs several programs side by side in one thread: one log, restarts with back-off, and a stop in order."""

from __future__ import annotations

import os
import re
import selectors
import signal
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.lines import Splitter
from scheduler_project.launch.processes import spawn

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType

    from scheduler_project.launch.lines import Lines

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AT_ONCE = 5.0  # seconds: a program that ends sooner has failed to start
SETTLED = 60.0  # seconds: one that lived this long starts again without delay
ECHO = 0.5
N_FAILURES = 5
LONGEST_DELAY = 30.0
READY_ANYWAY = 20.0  # seconds: without the expected line (a quieter log level), living this long counts as ready


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
    splitter: Splitter = field(default_factory=Splitter)
    started_at: float = 0.0
    restart_at: float | None = None
    n_failures: int = 0
    n_failed_starts: int = 0
    ready: bool = False
    last: deque[str] = field(default_factory=lambda: deque(maxlen=12))


def restart_delay(n_failures: int) -> float:
    """Seconds before the next start after the n-th failure in a row: 1, 2, 4 and so on to 30."""
    return min(LONGEST_DELAY, 2.0 ** (n_failures - 1))


class Supervisor:
    """Call `run` once, in the main thread.

    `stages` are started together and stopped one stage after the other. `on_ready` is called once, when every
    program is ready and `also_ready`, asked a few times a second, holds.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[Program]],
        lines: Lines,
        *,
        also_ready: Callable[[], bool] = lambda: True,
        on_ready: Callable[[], None] = lambda: None,
        on_change: Callable[[dict[str, int]], None] = lambda pids: None,
    ) -> None:
        self._stages = [[Child(program) for program in stage] for stage in stages]
        self._children = [child for stage in self._stages for child in stage]
        self._lines = lines
        self._also_ready = also_ready
        self._on_ready = on_ready
        self._on_change = on_change
        self._announced = False
        self._n_requests = 0
        self._requested_at = 0.0
        self._selector = selectors.DefaultSelector()

    def request_stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Stop in order; asked a second time, stop at once. Also the handler of SIGINT, SIGTERM and SIGHUP."""
        # One stop may arrive twice: from the terminal or service manager, and handed on by `make`.
        if not self._n_requests or time.monotonic() - self._requested_at > ECHO:
            self._n_requests += 1
            self._requested_at = time.monotonic()

    def run(self) -> None:
        """Returns once everything has stopped on request; raises CannotLaunch when a program can't be kept alive."""
        # Any signal ends the wait in `_pump` at once, SIGCHLD included.
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        earlier_wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        earlier = {number: signal.signal(number, self.request_stop) for number in SIGNALS}
        earlier[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self._selector.register(reader, selectors.EVENT_READ)
        try:
            for child in self._children:
                self._start(child)
            while not self._n_requests and not self._lines.closed:
                self._pump(0.25)
                self._look_after()
            self._lines.write("mainspring", "Stopping. Press Ctrl+C again to stop at once.")
        finally:
            self._stop_all()
            signal.set_wakeup_fd(earlier_wakeup)
            for number, handler in earlier.items():
                signal.signal(number, handler)
            self._selector.close()
            os.close(reader)
            os.close(writer)

    def _start(self, child: Child) -> None:
        program = child.program
        reader, writer = os.pipe()
        try:
            child.process = spawn(
                program.command, output=writer, environment=program.environment, on_orphaned=signal.SIGTERM
            )
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        os.set_blocking(reader, False)
        child.splitter, child.started_at, child.restart_at = Splitter(), time.monotonic(), None
        self._selector.register(reader, selectors.EVENT_READ, child)
        self._tell_change()

    def _pump(self, seconds: float) -> None:
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
        self._lines.write(child.program.name, line)

    def _look_after(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.restart_at is not None and now >= child.restart_at:
                self._start(child)
            elif child.process and child.process.poll() is not None:
                self._bury(child, now)
            elif child.process and now - child.started_at > READY_ANYWAY:
                child.ready = True
        if not self._announced and all(child.ready for child in self._children) and self._also_ready():
            self._announced = True
            self._on_ready()

    def _bury(self, child: Child, now: float) -> None:
        """Note an end that nobody asked for, and plan the next start."""
        if child.process is None:
            return
        lived, code = now - child.started_at, child.process.returncode
        self._kill(child)  # what it may have left behind of its own
        self._pump(0)
        child.process, child.ready = None, False
        child.n_failures = 1 if lived > SETTLED else child.n_failures + 1
        child.n_failed_starts = child.n_failed_starts + 1 if lived < AT_ONCE else 0
        ended = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        if child.n_failed_starts >= N_FAILURES:
            end = "\n".join(f"    {line}" for line in child.last)
            raise CannotLaunch(
                f"{child.program.name} {ended}, {N_FAILURES} times in a row, so everything was stopped. "
                f"Its last lines:\n{end}"
            )
        delay = restart_delay(child.n_failures)
        child.restart_at = now + delay
        self._lines.write("mainspring", f"{child.program.name} {ended}; it is started again in {delay:.0f} s.")
        self._tell_change()

    def _stop_all(self) -> None:
        asked = self._n_requests
        for stage in self._stages:
            for child in stage:
                child.restart_at = None
                if child.process and child.process.poll() is None:
                    child.process.terminate()
            deadline = {id(child): time.monotonic() + child.program.grace for child in stage}
            while alive := [child for child in stage if child.process and child.process.poll() is None]:
                for child in alive:
                    if self._n_requests > max(asked, 1):
                        self._kill(child)
                    elif time.monotonic() > deadline[id(child)]:
                        self._lines.write(
                            "mainspring",
                            f"{child.program.name} is still busy after {child.program.grace:.0f} s: killed.",
                        )
                        self._kill(child)
                self._pump(0.1)
            for child in stage:
                self._kill(child)
                child.process = None
            self._pump(0)
        self._tell_change()

    def _kill(self, child: Child) -> None:
        """SIGKILL to the process and all that it started: each has a process group of its own."""
        if child.process:
            try:
                os.killpg(child.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            child.process.wait()

    def _tell_change(self) -> None:
        self._on_change({child.program.name: child.process.pid for child in self._children if child.process})
