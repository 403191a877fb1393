"""Creates the partitions of a day and of the days after it, on a machine that may be slow."""

from __future__ import annotations

from datetime import datetime, timedelta

from executions.history import partitions

DAY = timedelta(days=1)


def prepare(at: datetime) -> int:
    """Create the partitions of this day and the next ones. Returns the number of days.

    Gives each statement a minute: the limit holds until the test's transaction ends, and a busy machine is slow. Tries
    again while an autovacuum holds a table for longer than the lock timeout.
    """
    n_days, wanted = 0, {at.date() + DAY * number for number in range(partitions.DAYS_AHEAD + 1)}
    for _ in range(20):
        n_days += partitions.prepare(at, timedelta(minutes=1))
        if wanted <= partitions.existing():
            break
    return n_days
