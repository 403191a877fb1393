"""Run history by day: what happened on one day (UTC) is one partition of each table, and goes by dropping it.

A run's id begins with its nominal instant, and the tables are partitioned by that id, so a look-up by id, and all
that hangs on a run, is found in one partition. What is nominal outside the days that are prepared (a long outage, a
backfill) is in the partition `other`, and leaves it row by row.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog
from django.db import OperationalError, transaction

from executions.lifecycle.queries import among
from executions.states import LIVE
from values.database import execute, fetch, one_line
from values.ids import lowest_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

log = structlog.get_logger(__name__)

DAYS_AHEAD = 7  # days that are prepared; beats and housekeeping may be away for so long
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
IS_PARTITIONED = "SELECT count(*) FROM pg_class WHERE oid = to_regclass('executions_run') AND relkind = 'p'"
EXISTING = """
SELECT right(child.relname, 8) FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
 WHERE inhparent = 'executions_run'::regclass AND child.relname ~ '_[0-9]{8}$'
"""
# Whether a day's history may go: none of it is live (told by the index of these), all was over long enough ago.
IS_OLD = f"""
SELECT NOT EXISTS (SELECT FROM {{name}} WHERE status IN ({among(LIVE)}))
   AND NOT EXISTS (SELECT FROM {{name}} WHERE finished_at >= %(before)s)
"""
# Rows of a day that lie in `other`, as far as that matters.
TO_MOVE = (
    "SELECT count(*) FROM (SELECT FROM {table}_other WHERE {key} >= %(low)s AND {key} < %(high)s LIMIT %(most)s) AS r"
)
# Whoever waits for a lock makes all others queue behind, and all wait while rows are moved and `other` is looked
# through for what may be left: rather try again at the next housekeeping.
SET_TIMEOUTS = """
SELECT set_config('lock_timeout', '500ms', true), set_config('statement_timeout', %(max_lock_time)s, true)
"""
# One housekeeping at a time, so that no day vanishes under another's hands. No beat or worker ever waits for this.
LOCK_DAYS = "SELECT pg_advisory_xact_lock(hashtextextended('executions_days', 0))"
MAX_LOCK_TIME = timedelta(seconds=3)
MAX_MOVED_ROWS = 50_000  # rows of a table; a day that has more of them in `other` stays there


def prepare(now: datetime, max_lock_time: timedelta = MAX_LOCK_TIME) -> int:
    """Make the partitions of today and the days to come; returns of how many days.

    `max_lock_time` is how long one statement may keep all others waiting.
    """
    today = now.astimezone(UTC).date()
    missing = {today + DAY * number for number in range(DAYS_AHEAD + 1)} - existing()
    return _each_day(missing, _make, max_lock_time)


def drop_old(before: datetime) -> int:
    """Drop the days all of whose runs ended before this instant; returns how many."""
    over = {day for day in existing() if _begin(day + DAY) <= before}
    return _each_day(over, partial(_drop, before=before), MAX_LOCK_TIME)


def is_set_up() -> bool:
    """Whether the migration that partitions the tables has been applied."""
    return bool(fetch(IS_PARTITIONED, {})[0][0])


def existing() -> set[date]:
    """The days that have partitions of their own."""
    return {datetime.strptime(name, "%Y%m%d").replace(tzinfo=UTC).date() for (name,) in fetch(EXISTING, {})}


def name_of(table: str, day: date) -> str:
    """Return the name of a day's partition."""
    return f"{table}_{day:%Y%m%d}"


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _each_day(days: Iterable[date], act: Callable[[date], bool], max_lock_time: timedelta) -> int:
    """Do this for each day, oldest first, each in a transaction of its own, until one is in use.

    Returns for how many it was done.
    """
    n_done = 0
    for day in sorted(days):
        try:
            with transaction.atomic():
                fetch(SET_TIMEOUTS, {"max_lock_time": f"{max_lock_time // timedelta(milliseconds=1)}ms"})
                fetch(LOCK_DAYS, {})
                n_done += act(day)
        except OperationalError as error:
            log.warning("partition_busy", action="partition", day=str(day), error=one_line(error))
            break
    return n_done


def _make(day: date) -> bool:
    # With the table itself locked, nobody inserts who has looked up the partitions before there was this one.
    _lock("SHARE ROW EXCLUSIVE")
    if day in existing():  # another housekeeping's work
        return False
    bounds = {"low": lowest_id(_begin(day)), "high": lowest_id(_begin(day + DAY))}
    names = {table: {"table": table, "key": key, "name": name_of(table, day)} for table, key in TABLES.items()}
    counts = [fetch(TO_MOVE.format(**names[table]), bounds | {"most": MAX_MOVED_ROWS + 1})[0][0] for table in TABLES]
    if max(counts) > MAX_MOVED_ROWS:
        log.warning("partition_left_out", action="partition", day=str(day), n_rows=max(counts))
        return False
    for table in TABLES:
        execute(CREATE.format(**names[table]), {})
        if table == RUNS:
            execute(ONCE.format(**names[table]), {})
        execute(MOVE.format(**names[table]), bounds)
        execute(ATTACH.format(**names[table]), bounds)
    return True


def _is_old(day: date, before: datetime) -> bool:
    return bool(fetch(IS_OLD.format(name=name_of(RUNS, day)), {"before": before})[0][0])


def _drop(day: date, before: datetime) -> bool:
    if day not in existing() or not _is_old(day, before):
        return False
    _lock("ACCESS EXCLUSIVE")
    if not _is_old(day, before):  # a run was added just now
        return False
    for table in TABLES:
        execute(f"DROP TABLE {name_of(table, day)}", {})
    return True


def _lock(mode: str) -> None:
    for table in TABLES:
        execute(f"LOCK TABLE ONLY {table} IN {mode} MODE", {})
