"""An embedded store that is started again in place whenever it ends: same port, password and data."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.processes import last_lines
from scheduler_project.launch.restart_policy import N_FAILURES, FailureCount, how_it_ended, restart_delay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scheduler_project.launch.server import Server


class StoreSupervisor:
    """Looks after a started server; `look_after` takes one small step and never waits. `say` writes to the log."""

    def __init__(self, server: Server, say: Callable[[str], None]) -> None:
        self._server = server
        self._say = say
        self._failures = FailureCount()
        self._serves_since = time.monotonic()
        self._restart_at: float | None = None
        self._starting: Iterator[None] | None = None
        self._given_up = False

    @property
    def serves(self) -> bool:
        """Whether it takes clients, as far as the last look tells."""
        return not (self._given_up or self._starting or self._restart_at is not None)

    def look_after(self) -> None:
        """Notice an end, start again, see whether it serves; raises CannotLaunch once it can't be kept alive."""
        if self._given_up:
            return
        if self._starting:
            self._go_on(self._starting)
        elif self._restart_at is not None:
            if time.monotonic() >= self._restart_at:
                self._restart_at, self._starting = None, self._server.starting()
        elif (code := self._server.exit_code) is not None:
            lived = time.monotonic() - self._serves_since
            self._plan(how_it_ended(code), "started", lived, f"Its last lines:\n{last_lines(self._server.log)}")

    def _go_on(self, starting: Iterator[None]) -> None:
        try:
            next(starting)
        except StopIteration:
            self._starting, self._serves_since = None, time.monotonic()
            self._say(f"{self._server.name} serves again.")
        except (CannotLaunch, OSError) as error:
            self._starting = None
            self._plan("could not be started", "tried", 0, str(error))

    def _plan(self, happened: str, again: str, lived: float, details: str) -> None:
        self._failures.note(lived)
        if self._failures.too_many:
            self._given_up = True
            raise CannotLaunch(
                f"{self._server.name} {happened}, {N_FAILURES} times in a row, so everything was stopped. {details}"
            )
        # Everything else waits for it, so the first new start comes without delay.
        delay = restart_delay(self._failures.n - 1) if self._failures.n > 1 else 0
        self._restart_at = time.monotonic() + delay
        self._say(f"{self._server.name} {happened}; it is {again} again{f' in {delay:.0f} s' if delay else ''}.")
