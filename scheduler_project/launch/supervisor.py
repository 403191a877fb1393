"""Runs several programs from one thread: one combined log, restarts with increasing delays, and a graceful stop."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from scheduler_project.launch.child import Child
from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.output_reader import OutputReader
from scheduler_project.launch.restart_policy import MAX_FAILED_STARTS, describe_exit, restart_delay
from scheduler_project.launch.stopping import stop_stage
from scheduler_project.launch.store_supervisor import StoreSupervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from scheduler_project.launch.child import Program
    from scheduler_project.launch.combined_log import CombinedLog
    from scheduler_project.launch.server import Server

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Ctrl+C can arrive twice, from the terminal and forwarded by `make`: within this time it counts as one request.
DUPLICATE_SIGNAL_SECONDS = 0.5
# A program whose log level hides its ready line counts as ready after this time.
ASSUME_READY_AFTER = 20.0  # seconds
POLL_SECONDS = 0.25  # maximum wait, so that due restarts are noticed; output and signals end it earlier
STARTING_POLL_SECONDS = 0.05  # while a store is starting: all programs wait for it
STOPPING_POLL_SECONDS = 0.1  # maximum wait until a second Ctrl+C or the end of a grace period is noticed


class Supervisor:
    """Runs programs, and restarts a program that ends unless its starts keep failing. Call `run` in the main thread.

    All programs of `stages` are started together and stopped stage by stage. `stores` are running servers: the
    supervisor restarts a server that ends. After `run`, the caller stops the servers. `also_ready` is polled when
    every program is ready and every store is serving. When `also_ready` returns True, `on_ready` is called once.
    `on_change` is called with the process ids by program name whenever these ids change.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[Program]],
        log: CombinedLog,
        *,
        stores: Sequence[Server] = (),
        also_ready: Callable[[], bool] = lambda: True,
        on_ready: Callable[[], None] = lambda: None,
        on_change: Callable[[dict[str, int]], None] = lambda pids: None,
    ) -> None:
        self._stages = [[Child(program) for program in stage] for stage in stages]
        self._children = [child for stage in self._stages for child in stage]
        self._stores = [StoreSupervisor(server, self._write_log) for server in stores]
        self._log = log
        self._output = OutputReader(log)
        self._also_ready = also_ready
        self._on_ready = on_ready
        self._on_change = on_change
        self._announced = False
        self._n_requests = 0
        self._requested_at = 0.0

    def request_stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Request a graceful stop; a second request kills all programs. `STOP_SIGNALS` call this method.

        A call within `DUPLICATE_SIGNAL_SECONDS` after a request counts as the same request.
        """
        if not self._n_requests or time.monotonic() - self._requested_at > DUPLICATE_SIGNAL_SECONDS:
            self._n_requests += 1
            self._requested_at = time.monotonic()

    def run(self) -> None:
        """Run until a stop is requested or the log is closed. Then stop all programs.

        Raises CannotLaunch if the command of a program can't be started, or after too many failed starts.
        """
        earlier = {number: signal.signal(number, self.request_stop) for number in STOP_SIGNALS}
        try:
            with self._output:
                self._run_until_stopped()
        finally:
            for number, handler in earlier.items():
                signal.signal(number, handler)

    def _run_until_stopped(self) -> None:
        try:
            for child in self._children:
                self._start(child)
            # Stop everything if the log is closed (`make run | head`): nobody would see the output of the programs.
            while not self._n_requests and not self._log.closed:
                self._output.run(POLL_SECONDS if self._stores_are_serving() else STARTING_POLL_SECONDS)
                for store in self._stores:
                    store.check()
                self._check_programs()
            self._write_log("Stopping. Press Ctrl+C again to kill all programs.")
        finally:
            self._stop_all()

    def _start(self, child: Child) -> None:
        self._output.attach(child, child.start())
        self._report_change()

    def _stores_are_serving(self) -> bool:
        return all(store.is_serving for store in self._stores)

    def _check_programs(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.restart_at is not None:
                # Without a store, a program fails to start, and the failed start would be counted.
                if now >= child.restart_at and self._stores_are_serving():
                    self._start(child)
            elif not child.alive:
                self._plan_restart(child, now)
            elif now - child.started_at > ASSUME_READY_AFTER:
                child.ready = True
        if not self._announced and self._stores_are_serving() and all(child.ready for child in self._children):
            self._announced = self._also_ready()
            if self._announced:
                self._on_ready()

    def _plan_restart(self, child: Child, now: float) -> None:
        """Count the failure of a program that has ended, and plan its restart.

        Raises CannotLaunch after too many failed starts.
        """
        if child.process is None:
            return
        ended = describe_exit(child.process.returncode)
        child.kill()  # the processes that the program started and that are still running
        self._output.run(0)  # its last lines, for the message below
        child.process, child.ready = None, False
        child.failures.add(now - child.started_at)
        if child.failures.too_many:
            end = "\n".join(f"    {line}" for line in child.last_lines)
            raise CannotLaunch(
                f"{child.name} {ended}. {MAX_FAILED_STARTS} starts in a row have failed, so everything was stopped. "
                f"The last lines of {child.name}:\n{end}"
            )
        delay = restart_delay(child.failures.n)
        child.restart_at = now + delay
        self._write_log(f"{child.name} {ended}; restarting it in {delay:.0f} s.")
        self._report_change()

    def _stop_all(self) -> None:
        n_requests = max(self._n_requests, 1)
        for stage in self._stages:
            stop_stage(
                stage,
                log=self._write_log,
                kill_now=lambda: self._n_requests > n_requests,
                wait=self._wait_while_stopping,
            )
            self._output.run(0)
        self._report_change()

    def _wait_while_stopping(self) -> None:
        """Wait briefly, and restart stores that have ended: programs that are stopping still write to the stores."""
        self._output.run(STOPPING_POLL_SECONDS)
        for store in self._stores:
            with suppress(CannotLaunch):  # everything is being stopped already
                store.check()

    def _write_log(self, text: str) -> None:
        self._log.write("mainspring", text)

    def _report_change(self) -> None:
        self._on_change({child.name: child.process.pid for child in self._children if child.process})
