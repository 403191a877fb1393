"""Runs SQL statements, splits failing batches and releases connections.

The statements themselves are in the modules `queries.py`, `held_queries.py` and `partitions.py` of the packages.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

import psycopg
import structlog
from django.db import InterfaceError, OperationalError, connection, connections, transaction
from psycopg.types.datetime import TimestamptzLoader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

log = structlog.get_logger(__name__)

K = TypeVar("K")
T = TypeVar("T")

_generic_plans: WeakSet[psycopg.Connection[Any]] = WeakSet()  # connections with plan_cache_mode = force_generic_plan
# Errors after which a retry may succeed: an unavailable database, a deadlock, a timeout, a full disk. Any other
# database error is a fault of the statement or of its data. These classes do not tell whether the database is
# unavailable: call `is_database_unavailable`.
RETRYABLE_ERRORS = (OperationalError, InterfaceError)
# SQLSTATE codes of lost and refused connections: https://www.postgresql.org/docs/current/errcodes-appendix.html
CONNECTION_FAULT_CLASS = "08"
CONNECTION_FAULTS = frozenset(
    {
        "53300",  # too_many_connections
        "57P01",  # admin_shutdown, also by pg_terminate_backend
        "57P02",  # crash_shutdown
        "57P03",  # cannot_connect_now
        "57P05",  # idle_session_timeout
    }
)
DATABASE_RETRY_SECONDS = 1.0  # between two tries while the database is unavailable
# Time until a job, run, follow-up, backfill or pause that fails by itself is tried again. Each failure costs several
# transactions, because the pass is split to find the cause.
PUSH_BACK_DELAY = timedelta(minutes=1)


def fetch(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows. `values`: its named parameters."""
    with connection.cursor() as cursor:
        # psycopg's loader, in C: Django's loader, in Python, takes ten times as long. Both return UTC here.
        cursor.cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def fetch_planned(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows, with a generic plan that the server keeps (a prepared statement).

    Use it for frequent inserts, and for statements that read all partitions: their planning takes ten times as long as
    execution. Do not use it for joins by id: a plan made for a small partition may later read the whole partition,
    until PostgreSQL analyses it again.

    Until a connection has called this function outside a transaction, PostgreSQL may choose other plans. A connection
    without `prepare_threshold` (`MAINSPRING_DB_PREPARE`) plans the statement each time.
    """
    connection.ensure_connection()
    used = connection.connection
    # Django's own cursors insert the parameters on the client's side, so they never prepare a statement.
    with connection._prepare_cursor(psycopg.Cursor(used)) as cursor:  # type: ignore[attr-defined]
        # Not inside a transaction, because a rollback would undo the SET. The setting affects prepared statements only,
        # and only this function prepares any.
        if used.prepare_threshold is not None and used not in _generic_plans and not connection.in_atomic_block:
            cursor.execute("SET plan_cache_mode = force_generic_plan")
            _generic_plans.add(used)
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def execute(statement: str, values: Mapping[str, Any]) -> int:
    """Run a statement that returns no rows; return the number of rows that it changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def array(values: Iterable[object]) -> str:
    """Return a PostgreSQL array literal of numbers, instants, ids or enum values; None becomes NULL.

    Nothing is quoted, so never pass text from outside. For thousands of values, a literal is several times as fast as a
    list parameter.
    """
    return "{" + ",".join(["NULL" if value is None else str(value) or '""' for value in values]) + "}"


@contextmanager
def log_retryable_errors(action: str) -> Iterator[None]:
    """Catch one of RETRYABLE_ERRORS, and log it in one line.

    For periodic tasks: the next execution of the task does the work that failed.
    """
    try:
        yield
    except RETRYABLE_ERRORS as error:
        log_retryable(action, error)


def log_retryable(action: str, error: BaseException, *, is_away: bool | None = None, **facts: object) -> None:
    """Log one of RETRYABLE_ERRORS. `is_away`: whether the database was unavailable; None: check it now."""
    if is_database_unavailable(error) if is_away is None else is_away:
        log.warning("database_away", action=action, error=one_line(error), **facts)
    else:
        log.warning("statement_failed", action=action, error=one_line(error), **facts)


def is_database_unavailable(error: BaseException) -> bool:
    """Return whether `error` was raised because a connection was lost or could not be opened.

    Such an error is no fault of the statement or of its data. The result is also True if this thread's connection is
    not usable now. A usable connection does not prove that the error has another cause: Django opens a new connection
    at the end of a transaction whose connection was lost.
    """
    fault: BaseException | None = error
    while fault and not isinstance(fault, psycopg.Error):
        fault = fault.__cause__
    if isinstance(fault, psycopg.Error) and fault.sqlstate:
        is_of_connection = fault.sqlstate.startswith(CONNECTION_FAULT_CLASS) or fault.sqlstate in CONNECTION_FAULTS
    else:  # without a code, the client itself has noticed the loss
        is_of_connection = isinstance(fault, psycopg.OperationalError | psycopg.InterfaceError)
    return is_of_connection or not connection.is_usable()


def wait_for_database() -> None:
    """Wait before the next try, because the database was unavailable.

    Only for threads that have nothing else to do meanwhile, such as a thread that executes a run.
    """
    threading.Event().wait(DATABASE_RETRY_SECONDS)


def split_on_failure(act: Callable[[Sequence[K]], T], keys: Sequence[K]) -> tuple[list[T], dict[K, Exception]]:
    """Call `act` with all keys in one transaction. If the call fails, do the same with each half of the keys.

    Returns the results of the calls that succeeded, and the error of each key that fails alone. Raises if the database
    is unavailable. One failing key among n costs about 2 * log2(n) calls.
    """
    try:
        with transaction.atomic():
            return [act(keys)], {}
    except Exception as error:
        if is_database_unavailable(error):
            raise
        if len(keys) <= 1:
            return [], dict.fromkeys(keys, error)
    done, failed = split_on_failure(act, keys[: len(keys) // 2])
    more_done, more_failed = split_on_failure(act, keys[len(keys) // 2 :])
    return done + more_done, failed | more_failed


def every_key_failed(done: Sequence[object], failed: Mapping[K, Exception]) -> bool:
    """Return whether several keys failed and none succeeded.

    If so, the likely cause is the database itself: its disk may be full.
    """
    return len(failed) > 1 and not done


def release_connection() -> None:
    """Return this thread's connections to the pool. Without a pool, close broken and old connections."""
    for used in connections.all(initialized_only=True):
        if used.settings_dict["OPTIONS"].get("pool"):
            used.close()
        else:
            used.close_if_unusable_or_obsolete()


def one_line(error: BaseException) -> str:
    """Return an error's message on one line, for logs; the name of its class if it has no message."""
    return " ".join(str(error).split()) or type(error).__name__
