"""How statements are run, and how a connection is left to others. The statements stand in the rooms' `queries.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import InterfaceError, OperationalError, connection, connections

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


DATABASE_AWAY = (OperationalError, InterfaceError)  # worth another try; what else is raised is a fault of ours
BETWEEN_TRIES = 1.0  # seconds, while it is away


def fetch(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement that returns rows."""
    with connection.cursor() as cursor:
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


def give_back() -> None:
    """Return this thread's connection to the pool; without one, drop a connection that the server has closed."""
    for used in connections.all(initialized_only=True):
        if used.settings_dict["OPTIONS"].get("pool"):
            used.close()
        else:
            used.close_if_unusable_or_obsolete()


def one_line(error: BaseException) -> str:
    """Return what an error says, without the line breaks that drivers like."""
    return " ".join(str(error).split()) or type(error).__name__
