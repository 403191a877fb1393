"""How statements are run, and how a connection is left to others. The statements stand in the rooms' `queries.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import InterfaceError, OperationalError, connection, connections

if TYPE_CHECKING:
    from collections.abc import Mapping


DATABASE_AWAY = (OperationalError, InterfaceError)  # worth another try; what else is raised is a fault of ours


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
