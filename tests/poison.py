"""Rows that the database refuses to write, whatever they hold: what a full disk, a trigger or a fault of ours does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from uuid import UUID

DISK_FULL = "53100"


def poison(table: str, column: str, key: UUID, *, on: str = "INSERT", sqlstate: str = DISK_FULL) -> None:
    """From now on PostgreSQL refuses to write rows of `table` in which `column` holds `key`."""
    name = f"poison_{table}_{key.hex[-12:]}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION 'this row is poisoned' USING ERRCODE = '{sqlstate}'; END $$"
        )
        cursor.execute(
            f"CREATE TRIGGER {name} BEFORE {on} ON {table} FOR EACH ROW WHEN (NEW.{column} = '{key}')"
            f" EXECUTE FUNCTION {name}()"
        )


def cure(table: str, key: UUID) -> None:
    """Rows with this key can be written again."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP FUNCTION IF EXISTS poison_{table}_{key.hex[-12:]}() CASCADE")
