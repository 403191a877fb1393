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


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of PostgreSQL's clock: it showed `database_at` while this machine showed `sent_at` to `got_at`."""

    sent_at: datetime
    got_at: datetime
    database_at: datetime

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
        return abs(self.difference) > MAX_DIFFERENCE


def difference_text(difference: timedelta) -> str:
    """Return, for example, `3600 s ahead of PostgreSQL's clock`."""
    seconds = difference.total_seconds()
    return f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} PostgreSQL's clock"


class MachineClock:
    """This machine's clock, corrected by its difference from PostgreSQL's clock.

    `consequence`: a sentence for the log about what this process does while its clock is wrong.
    """

    def __init__(self) -> None:
        self.consequence = "This process uses PostgreSQL's clock until then."
        self._lock = threading.Lock()
        self._measure_at = self._log_at = 0.0  # seconds of the monotonic clock
        self._was_wrong = False
        self.correction = timedelta(0)

    def now(self) -> datetime:
        """Return the present instant, in UTC."""
        return self.read() - self.correction

    def read(self) -> datetime:
        """Return what the clock of this machine shows, in UTC."""
        return datetime.now(UTC)

    def measure(self, connection: psycopg.Connection[object]) -> None:
        """Compare this machine's clock with PostgreSQL's, at most every `MEASURE_INTERVAL` seconds.

        Logs `clock_wrong` every `LOG_INTERVAL` seconds as long as the clock is wrong, and `clock_right` afterwards.
        """
        with self._lock:
            if time.monotonic() < self._measure_at:
                return
            self._measure_at = time.monotonic() + MEASURE_INTERVAL
        sent_at = self.read()
        row = connection.execute("SELECT clock_timestamp()").fetchone()
        assert isinstance(row, tuple)
        self.use(Reading(sent_at, self.read(), row[0]))

    def use(self, reading: Reading) -> None:
        """Correct this clock by a reading, and log a difference that begins, lasts or ends."""
        was_wrong, self._was_wrong, self.correction = self._was_wrong, reading.is_wrong, reading.difference
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
