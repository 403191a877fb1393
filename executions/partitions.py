"""Run history by day: what happened on one day (UTC) is one partition of each table, and goes by dropping it.

A run's id begins with its nominal instant, and the tables are partitioned by that id, so a look-up by id, and all
that hangs on a run, is found in one partition. What is nominal outside the days that are prepared (a long outage, a
backfill) is in the partition `other`, and leaves it row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import OperationalError, transaction

from executions.database import execute, fetch, one_line
from executions.ids import lowest_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

log = structlog.get_logger(__name__)

AHEAD = 7  # days that are prepared; beats and housekeeping may be away for so long
DAY = timedelta(days=1)
RUNS = "executions_run"
# Each table with the column that places its rows.
TABLES = {RUNS: "id", "executions_attempt": "run_id", "executions_runevent": "run_id", "executions_logline": "run_id"}

# An occurrence has one row. The key lies within a partition, as the nominal instant decides which that is.
ONCE = "CREATE UNIQUE INDEX {name}_once ON {name} (job_id, nominal_at, origin)"
CREATE = "CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)"
MOVE = """
WITH moved AS (DELETE FROM {table}_other WHERE {key} >= %(low)s AND {key} < %(high)s RETURNING *)
INSERT INTO {name} SELECT * FROM moved
"""
ATTACH = "ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM (%(low)s) TO (%(high)s)"
EXISTING = """
SELECT right(child.relname, 8) FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
 WHERE inhparent = 'executions_run'::regclass AND child.relname ~ '_[0-9]{8}$'
"""
# Whether a day's history may go: all of it is over, and was so long enough ago.
IS_OLD = """
SELECT NOT EXISTS (SELECT FROM {name} WHERE finished_at IS NULL)
   AND NOT EXISTS (SELECT FROM {name} WHERE finished_at >= %(before)s)
"""
# Whoever waits for a lock makes all others queue behind: rather try again at the next housekeeping.
IMPATIENT = "SET LOCAL lock_timeout = '2s'"


@dataclass(frozen=True, slots=True)
class Kept:
    """Days that were prepared and dropped."""

    n_made: int
    n_dropped: int


def prepare(now: datetime) -> int:
    """Make the partitions of today and the days to come; returns of how many days."""
    today = now.astimezone(UTC).date()
    missing = {today + DAY * number for number in range(AHEAD + 1)} - existing()
    return _each_day(missing, _make)


def drop_old(before: datetime) -> int:
    """Drop the days all of whose runs ended before this instant; returns how many."""
    old = {day for day in existing() if _begin(day + DAY) <= before and _is_old(day, before)}
    return _each_day(old, _drop)


def existing() -> set[date]:
    """The days that have partitions of their own."""
    return {datetime.strptime(name, "%Y%m%d").replace(tzinfo=UTC).date() for (name,) in fetch(EXISTING, {})}


def name_of(table: str, day: date) -> str:
    """Return the name of a day's partition."""
    return f"{table}_{day:%Y%m%d}"


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _each_day(days: Iterable[date], act: Callable[[date], None]) -> int:
    """Do this for each day, oldest first, each in a transaction of its own, as far as locks can be had."""
    n_done = 0
    for day in sorted(days):
        try:
            with transaction.atomic():
                execute(IMPATIENT, {})
                act(day)
        except OperationalError as error:
            log.warning("partition_busy", action="partition", day=str(day), error=one_line(error))
        else:
            n_done += 1
    return n_done


def _make(day: date) -> None:
    # Two housekeepings at once: the second finds the first one's work.
    execute("SELECT pg_advisory_xact_lock(hashtext(%(name)s))", {"name": name_of(RUNS, day)})
    if day in existing():
        return
    bounds = {"low": lowest_id(_begin(day)), "high": lowest_id(_begin(day + DAY))}
    for table, key in TABLES.items():
        names = {"table": table, "key": key, "name": name_of(table, day)}
        execute(f"LOCK TABLE {table}_other IN SHARE ROW EXCLUSIVE MODE", {})
        execute(CREATE.format(**names), {})
        if table == RUNS:
            execute(ONCE.format(**names), {})
        execute(MOVE.format(**names), bounds)
        execute(ATTACH.format(**names), bounds)


def _is_old(day: date, before: datetime) -> bool:
    return bool(fetch(IS_OLD.format(name=name_of(RUNS, day)), {"before": before})[0][0])


def _drop(day: date) -> None:
    for table in TABLES:
        execute(f"DROP TABLE {name_of(table, day)}", {})
