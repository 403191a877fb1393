"""How statements are run, and how a connection is left to others. The statements stand in the rooms' `queries.py`."""

from __future__ import annotations

from contextlib import contextmanager
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

_keeping: WeakSet[psycopg.Connection[Any]] = WeakSet()  # connections that plan what is prepared once and for all
DATABASE_UNAVAILABLE = (OperationalError, InterfaceError)  # worth another try; what else is raised is a fault of ours
DATABASE_RETRY_SECONDS = 1.0  # seconds, while it is away


def fetch(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement that returns rows."""
    with connection.cursor() as cursor:
        # Django's own reads instants in Python, ten times as slowly; sessions are in UTC for either.
        cursor.cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def fetch_planned(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement that returns rows, by a plan that the server keeps.

    For one that looks at every day that is kept, where to plan takes ten times as long as to run, and for one that is
    run all the time and only inserts. Not for joins by id: a plan from when a day had few rows may read
    all of them, until PostgreSQL has analysed it again. A connection without `prepare_threshold` (`MAINSPRING_DB_PREPARE`)
    has it planned each time.
    """
    connection.ensure_connection()
    used = connection.connection
    # Django's own cursors bind values themselves, and so never prepare a statement.
    with connection._prepare_cursor(psycopg.Cursor(used)) as cursor:  # type: ignore[attr-defined]
        if used.prepare_threshold is not None and used not in _keeping and not connection.in_atomic_block:
            cursor.execute("SET plan_cache_mode = force_generic_plan")  # of use to no other statement
            _keeping.add(used)
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def execute(statement: str, values: Mapping[str, Any]) -> int:
    """Run a statement that returns none; says how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def array(values: Iterable[object]) -> str:
    """Return an array of numbers, instants, ids or words of ours as PostgreSQL reads it; None becomes NULL.

    Of no other text: nothing is quoted. For thousands of values this is several times as fast as a list.
    """
    return "{" + ",".join(["NULL" if value is None else str(value) or '""' for value in values]) + "}"


@contextmanager
def log_database_unavailable(action: str) -> Iterator[None]:
    """Say so in one line instead of a traceback: the next one does the work."""
    try:
        yield
    except DATABASE_UNAVAILABLE as error:
        log.warning("database_away", action=action, error=one_line(error))


def is_database_unavailable() -> bool:
    """Whether what has just failed did so because the database does not answer."""
    return not connection.is_usable()


def split_on_failure(act: Callable[[Sequence[K]], T], keys: Sequence[K]) -> tuple[list[T], dict[K, Exception]]:
    """Act on all keys in one transaction; where that fails, on each half in its own, down to those that fail alone.

    Returns what `act` returned, and what each key that fails alone has raised. Raises when the database is away.
    """
    try:
        with transaction.atomic():
            return [act(keys)], {}
    except Exception as error:
        if is_database_unavailable():
            raise
        if len(keys) <= 1:
            return [], dict.fromkeys(keys, error)
    done, failed = split_on_failure(act, keys[: len(keys) // 2])
    more_done, more_failed = split_on_failure(act, keys[len(keys) // 2 :])
    return done + more_done, failed | more_failed


def every_key_failed(done: Sequence[object], failed: Mapping[K, Exception]) -> bool:
    """Whether of several keys that were taken apart all have failed: as on a full disk, hardly for what they are."""
    return len(failed) > 1 and not done


def release_connection() -> None:
    """Return this thread's connection to the pool; without one, drop a connection that the server has closed."""
    for used in connections.all(initialized_only=True):
        if used.settings_dict["OPTIONS"].get("pool"):
            used.close()
        else:
            used.close_if_unusable_or_obsolete()


def one_line(error: BaseException) -> str:
    """Return what an error says, without the line breaks that drivers like."""
    return " ".join(str(error).split()) or type(error).__name__
