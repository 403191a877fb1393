"""The present instant by PostgreSQL's clock, and how far this machine's clock is from it.

Processes on several machines share their instants (leases, due times, marks) through PostgreSQL, so its clock decides.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    import psycopg

log = structlog.get_logger(__name__)

# A larger difference is a wrong clock. Clocks that are synchronized over a network differ by milliseconds.
MAX_DIFFERENCE = timedelta(seconds=2)
MEASURE_INTERVAL = 10.0  # seconds between two measurements of a process: each costs a round trip
LOG_INTERVAL = 60.0  # seconds between two log lines while the clock is wrong
# Setting the machine's clock does not change this clock, and it also counts the time of a suspended machine. On Linux
# CLOCK_MONOTONIC stops meanwhile; macOS has no CLOCK_BOOTTIME, and its CLOCK_MONOTONIC does not stop.
STEADY_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of PostgreSQL's clock: it showed `database_at` at most `took` after this machine showed `sent_at`."""

    sent_at: datetime
    took: timedelta
    database_at: datetime

    @property
    def got_at(self) -> datetime:
        return self.sent_at + self.took

    @property
    def difference(self) -> timedelta:
        """How far this machine's clock is ahead of PostgreSQL's; negative if it is behind.

        The time that the answer may have taken is not counted as a difference.
        """
        if self.sent_at > self.database_at:
            return self.sent_at - self.database_at
        if self.got_at < self.database_at:
            return self.got_at - self.database_at
        return timedelta(0)

    @property
    def is_wrong(self) -> bool:
        return is_wrong(self.difference)


def is_wrong(difference: timedelta) -> bool:
    """Return whether a clock that differs by so much is wrong."""
    return abs(difference) > MAX_DIFFERENCE


def difference_text(difference: timedelta) -> str:
    """Return, for example, `3600 s ahead of PostgreSQL's clock`."""
    seconds = difference.total_seconds()
    return f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} PostgreSQL's clock"


class MachineClock:
    """The present instant: the last reading of PostgreSQL's clock, and the time that has passed since.

    So a clock that is set while this process runs changes nothing. Until the first reading, this machine's clock
    counts.

    `consequence`: a sentence for the log about what this process does while its clock is wrong.
    """

    def __init__(self) -> None:
        self.consequence = "This process uses PostgreSQL's clock until then."
        self._lock = threading.Lock()
        self._measure_at = self._log_at = 0.0  # seconds of the monotonic clock
        self._was_wrong = False
        self.difference = timedelta(0)  # at the last reading: how far this machine's clock was ahead of PostgreSQL's
        self._last: tuple[datetime, float] | None = None  # the instant of the last reading, and the steady clock then

    def now(self) -> datetime:
        """Return the present instant, in UTC."""
        if self._last is None:
            return self.read()
        last_at, steady = self._last
        return last_at + timedelta(seconds=self.read_steady() - steady)

    def read(self) -> datetime:
        """Return what the clock of this machine shows, in UTC."""
        return datetime.now(UTC)

    def read_steady(self) -> float:
        """Return seconds that only the passing of time changes. Only differences mean something."""
        return time.clock_gettime(STEADY_CLOCK)

    def measure(self, connection: psycopg.Connection[object]) -> None:
        """Compare this machine's clock with PostgreSQL's, at most every `MEASURE_INTERVAL` seconds.

        Logs `clock_wrong` every `LOG_INTERVAL` seconds as long as the clock is wrong, and `clock_right` afterwards.
        """
        with self._lock:
            if time.monotonic() < self._measure_at:
                return
            self._measure_at = time.monotonic() + MEASURE_INTERVAL
        sent_at, began = self.read(), time.monotonic()
        row = connection.execute("SELECT clock_timestamp()").fetchone()
        assert isinstance(row, tuple)
        self.use(Reading(sent_at, timedelta(seconds=time.monotonic() - began), row[0]))

    def use(self, reading: Reading) -> None:
        """Count from this reading on, and log a difference that begins, lasts or ends."""
        self.difference = reading.difference
        self._last = (reading.got_at - reading.difference, self.read_steady())
        was_wrong, self._was_wrong = self._was_wrong, reading.is_wrong
        if reading.is_wrong and (not was_wrong or time.monotonic() >= self._log_at):
            self._log_at = time.monotonic() + LOG_INTERVAL
            log.error(
                "clock_wrong",
                action="clock",
                seconds_ahead=round(reading.difference.total_seconds(), 3),
                hint=f"The clock of this machine is {difference_text(reading.difference)}: synchronize both (NTP). "
                f"{self.consequence}",
            )
        elif was_wrong and not reading.is_wrong:
            log.info("clock_right", action="clock")


machine_clock = MachineClock()
now = machine_clock.now
