"""Runs several programs side by side in one thread: one log, restarts with back-off, and a stop in order."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from scheduler_project.launch.child import Child
from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.output_reader import OutputReader
from scheduler_project.launch.restart_policy import N_FAILURES, how_it_ended, restart_delay
from scheduler_project.launch.stopping import stop_stage
from scheduler_project.launch.store_supervisor import StoreSupervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from scheduler_project.launch.child import Program
    from scheduler_project.launch.combined_log import CombinedLog
    from scheduler_project.launch.server import Server

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ECHO = 0.5
READY_ANYWAY = 20.0  # seconds: without the expected line (a quieter log level), living this long counts as ready


class Supervisor:
    """Call `run` once, in the main thread.

    `stages` are started together and stopped one stage after the other. `stores` are servers that run already and
    that the caller stops afterwards; in between, one that ends is started again. `on_ready` is called once, when
    every program is ready and `also_ready`, asked a few times a second, holds.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[Program]],
        lines: CombinedLog,
        *,
        stores: Sequence[Server] = (),
        also_ready: Callable[[], bool] = lambda: True,
        on_ready: Callable[[], None] = lambda: None,
        on_change: Callable[[dict[str, int]], None] = lambda pids: None,
    ) -> None:
        self._stages = [[Child(program) for program in stage] for stage in stages]
        self._children = [child for stage in self._stages for child in stage]
        self._stores = [StoreSupervisor(server, self._say) for server in stores]
        self._lines = lines
        self._pump = OutputReader(lines)
        self._also_ready = also_ready
        self._on_ready = on_ready
        self._on_change = on_change
        self._announced = False
        self._n_requests = 0
        self._requested_at = 0.0

    def request_stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Stop in order; asked a second time, stop at once. Also the handler of SIGINT, SIGTERM and SIGHUP."""
        # One stop may arrive twice: from the terminal or service manager, and handed on by `make`.
        if not self._n_requests or time.monotonic() - self._requested_at > ECHO:
            self._n_requests += 1
            self._requested_at = time.monotonic()

    def run(self) -> None:
        """Returns once every program has stopped on request; raises CannotLaunch when one can't be kept alive."""
        earlier = {number: signal.signal(number, self.request_stop) for number in SIGNALS}
        try:
            with self._pump:
                self._keep_running()
        finally:
            for number, handler in earlier.items():
                signal.signal(number, handler)

    def _keep_running(self) -> None:
        try:
            for child in self._children:
                self._start(child)
            while not self._n_requests and not self._lines.closed:
                self._pump.run(0.25 if self._stores_serve() else 0.05)
                for store in self._stores:
                    store.look_after()
                self._look_after_programs()
            self._say("Stopping. Press Ctrl+C again to stop at once.")
        finally:
            self._stop_all()

    def _start(self, child: Child) -> None:
        self._pump.attach(child, child.start())
        self._tell_change()

    def _stores_serve(self) -> bool:
        return all(store.serves for store in self._stores)

    def _look_after_programs(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.restart_at is not None:
                # Without a store, programs can't start: that would count as their own failure.
                if now >= child.restart_at and self._stores_serve():
                    self._start(child)
            elif not child.alive:
                self._bury(child, now)
            elif now - child.started_at > READY_ANYWAY:
                child.ready = True
        if not self._announced and self._stores_serve() and all(child.ready for child in self._children):
            self._announced = self._also_ready()
            if self._announced:
                self._on_ready()

    def _bury(self, child: Child, now: float) -> None:
        """Note an end that nobody asked for, and plan the next start."""
        if child.process is None:
            return
        ended = how_it_ended(child.process.returncode)
        child.kill()  # what it may have left behind of its own
        self._pump.run(0)
        child.process, child.ready = None, False
        child.failures.note(now - child.started_at)
        if child.failures.too_many:
            end = "\n".join(f"    {line}" for line in child.last)
            raise CannotLaunch(
                f"{child.name} {ended}, {N_FAILURES} times in a row, so everything was stopped. Its last lines:\n{end}"
            )
        delay = restart_delay(child.failures.n)
        child.restart_at = now + delay
        self._say(f"{child.name} {ended}; it is started again in {delay:.0f} s.")
        self._tell_change()

    def _stop_all(self) -> None:
        patience = max(self._n_requests, 1)
        for stage in self._stages:
            stop_stage(
                stage,
                say=self._say,
                impatient=lambda: self._n_requests > patience,
                meanwhile=self._let_stopping_programs_finish,
            )
            self._pump.run(0)
        self._tell_change()

    def _let_stopping_programs_finish(self) -> None:
        """They still store what they have done."""
        self._pump.run(0.1)
        for store in self._stores:
            with suppress(CannotLaunch):  # there is nothing left to stop for
                store.look_after()

    def _say(self, text: str) -> None:
        self._lines.write("mainspring", text)

    def _tell_change(self) -> None:
        self._on_change({child.name: child.process.pid for child in self._children if child.process})
