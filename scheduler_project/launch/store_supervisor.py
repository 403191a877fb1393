"""Restarts an embedded store that has ended unexpectedly. The store keeps its port, password and data."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.processes import last_lines
from scheduler_project.launch.restart_policy import MAX_FAILED_STARTS, FailureCount, describe_exit, restart_delay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scheduler_project.launch.server import Server


class StoreSupervisor:
    """Supervises a running server.

    `Supervisor` calls `check` several times a second, so `check` must not block for long.
    """

    def __init__(self, server: Server, log: Callable[[str], None]) -> None:
        self._server = server
        self._log = log
        self._failures = FailureCount()
        self._started_at = time.monotonic()
        self._restart_at: float | None = None
        self._starting: Iterator[None] | None = None
        self._given_up = False

    @property
    def is_serving(self) -> bool:
        """Whether the server was running at the last check, and not still starting."""
        return not (self._given_up or self._starting or self._restart_at is not None)

    def check(self) -> None:
        """Restart the server if it has ended, one step per call. Raises CannotLaunch after too many failed starts."""
        if self._given_up:
            return
        if self._starting:
            self._continue_start(self._starting)
        elif self._restart_at is not None:
            if time.monotonic() >= self._restart_at:
                self._restart_at, self._starting = None, self._server.starting()
        elif (code := self._server.exit_code) is not None:
            uptime = time.monotonic() - self._started_at
            details = f"The last lines of {self._server.log}:\n{last_lines(self._server.log)}"
            self._plan_restart(describe_exit(code), uptime, details)

    def _continue_start(self, starting: Iterator[None]) -> None:
        try:
            next(starting)
        except StopIteration:
            self._starting, self._started_at = None, time.monotonic()
            self._log(f"{self._server.name} is running again.")
        except (CannotLaunch, OSError) as error:
            self._starting = None
            self._plan_restart("could not be started", 0, str(error))

    def _plan_restart(self, failure: str, uptime: float, details: str) -> None:
        self._failures.add(uptime)
        if self._failures.too_many:
            self._given_up = True
            raise CannotLaunch(
                f"{self._server.name} {failure}. {MAX_FAILED_STARTS} starts in a row have failed, "
                f"so everything was stopped. {details}"
            )
        # All programs need the store, so the first restart has no delay.
        delay = restart_delay(self._failures.n - 1) if self._failures.n > 1 else 0
        self._restart_at = time.monotonic() + delay
        self._log(f"{self._server.name} {failure}; restarting it {f'in {delay:.0f} s' if delay else 'now'}.")
