"""Run history is partitioned by the UTC day of the nominal instant. An old day is deleted by dropping its partitions.

The tables of runs, attempts, events and log lines are partitioned by the run's id, which begins with the nominal
instant. So a look-up by id reads one partition, and a run and its attempts, events and lines are in partitions of the
same day. Rows of days without a partition (a long outage, a backfill) go to the partition `other`, and are deleted row
by row.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog
from django.db import OperationalError, transaction

from executions.history import queries
from executions.lifecycle.queries import sql_list
from executions.states import LIVE
from values.database import execute, fetch, one_line
from values.ids import lowest_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

log = structlog.get_logger(__name__)

DAYS_AHEAD = 7  # partitions are created this early, so housekeeping may fail for a week before rows go to `other`
DAY = timedelta(days=1)
RUNS = "executions_run"
# Each table with its partition key.
TABLES = {RUNS: "id", "executions_attempt": "run_id", "executions_runevent": "run_id", "executions_logline": "run_id"}

# Ensures at most one row for each occurrence. An index on each partition is enough: rows with the same nominal instant
# are in the same partition. PostgreSQL does not allow this index on the whole table, because its columns do not include
# the partition key.
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
# A day may be dropped if none of its runs is live and none ended too recently. Two conditions, because each has its own
# index.
IS_OLD = f"""
SELECT NOT EXISTS (SELECT FROM {{name}} WHERE status IN ({sql_list(LIVE)}))
   AND NOT EXISTS (SELECT FROM {{name}} WHERE finished_at >= %(before)s)
"""
# The number of a day's rows in `other`, counted up to a limit.
TO_MOVE = (
    "SELECT count(*) FROM (SELECT FROM {table}_other WHERE {key} >= %(low)s AND {key} < %(high)s LIMIT %(limit)s) AS r"
)
# Executed first in each transaction of this module. While the transaction waits for a table lock, and while it holds
# the lock, every later statement on the table must wait. So give up soon, and try again at the next housekeeping.
SET_TIMEOUTS = """
SELECT set_config('lock_timeout', '500ms', true), set_config('statement_timeout', %(max_lock_time)s, true)
"""
# One housekeeping at a time, so that no two of them create or drop the same day. Beats and workers never take this
# lock.
LOCK_DAYS = "SELECT pg_advisory_xact_lock(hashtextextended('executions_days', 0))"
MAX_LOCK_TIME = timedelta(seconds=3)  # of one statement, while beats and workers wait for it
MAX_MOVED_ROWS = 50_000  # of one table: as many as MAX_LOCK_TIME allows; a day with more rows in `other` stays there


def prepare(now: datetime, max_lock_time: timedelta = MAX_LOCK_TIME) -> int:
    """Create the missing partitions of today and the next DAYS_AHEAD days. Returns how many days got partitions.

    A statement that takes longer than `max_lock_time` is cancelled, because other statements wait for its locks. The
    next call creates the partitions that are still missing. A day gets no partition while a partition `other` contains
    more than `MAX_MOVED_ROWS` rows of the day.
    """
    today = now.astimezone(UTC).date()
    missing = {today + DAY * number for number in range(DAYS_AHEAD + 1)} - existing()
    return _each_day(missing, _create, max_lock_time)


def drop_old(before: datetime) -> int:
    """Drop the partitions of old days. Returns the number of dropped days.

    A day is old if the day and all its runs ended before `before`. The latest run of each job is kept as a `PrunedRun`.
    """
    over = {day for day in existing() if _start_of(day + DAY) <= before}
    for day in sorted(over):
        _keep_latest(day, before)
    return _each_day(over, partial(_drop, before=before), MAX_LOCK_TIME)


def is_set_up() -> bool:
    """Return whether the migration that partitions the tables has been applied."""
    return bool(fetch(IS_PARTITIONED, {})[0][0])


def existing() -> set[date]:
    """Return the days that have a partition."""
    return {datetime.strptime(name, "%Y%m%d").replace(tzinfo=UTC).date() for (name,) in fetch(EXISTING, {})}


def name_of(table: str, day: date) -> str:
    """Return the name of a table's partition for this day, such as executions_run_20270401."""
    return f"{table}_{day:%Y%m%d}"


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _each_day(days: Iterable[date], act: Callable[[date], bool], max_lock_time: timedelta) -> int:
    """Call `act` for each day, oldest first, each in its own transaction. Stop at the first OperationalError.

    Returns the number of days for which `act` returned True.
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


def _create(day: date) -> bool:
    # Without this lock, a transaction that looked up the partitions before the new one existed could still insert rows
    # into `other`. ATTACH would find these rows there and fail.
    _lock("SHARE ROW EXCLUSIVE")
    if day in existing():  # another housekeeping task has created it
        return False
    bounds = {"low": lowest_id(_start_of(day)), "high": lowest_id(_start_of(day + DAY))}
    names = {table: {"table": table, "key": key, "name": name_of(table, day)} for table, key in TABLES.items()}
    counts = [fetch(TO_MOVE.format(**names[table]), bounds | {"limit": MAX_MOVED_ROWS + 1})[0][0] for table in TABLES]
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


def _keep_latest(day: date, before: datetime) -> None:
    # In a transaction of its own, before the day is locked: reading all rows of a day may take a minute. Later, an old
    # day gets no run that ends before `before`.
    with transaction.atomic():
        fetch(LOCK_DAYS, {})
        if day in existing() and _is_old(day, before):
            execute(queries.KEEP_OF_DAY.format(runs=name_of(RUNS, day)), {})


def _drop(day: date, before: datetime) -> bool:
    if day not in existing() or not _is_old(day, before):
        return False
    _lock("ACCESS EXCLUSIVE")
    if not _is_old(day, before):  # a run was created between the first check and the lock
        return False
    for table in TABLES:
        execute(f"DROP TABLE {name_of(table, day)}", {})
    return True


def _lock(mode: str) -> None:
    for table in TABLES:
        execute(f"LOCK TABLE ONLY {table} IN {mode} MODE", {})
