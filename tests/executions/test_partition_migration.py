"""Proves that `migrate` partitions a database with history and loses nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from values.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
NAME = "with_history"
ADD = """
INSERT INTO executions_run (id, scope_id, job_id, spec_id, origin, nominal_at, status, created_at, available_at,
                            started_at, finished_at, priority, is_buffered, concurrency_key, rate_key)
VALUES (%(id)s, 1, %(id)s, 1, 'schedule', %(at)s, 'succeeded', %(at)s, %(at)s, %(at)s, %(at)s, 1, false, '', '')
"""
NOTE = "INSERT INTO executions_runevent (run_id, scope_id, kind, at) VALUES (%(id)s, 1, 'queued', %(at)s) RETURNING id"


@pytest.fixture
def database(db: None) -> Iterator[str]:
    """Create an empty database and yield its URL."""
    known = connection.settings_dict
    place = f"{known['USER']}:{known['PASSWORD']}@{known['HOST']}:{known['PORT']}"
    with psycopg.connect(f"postgres://{place}/postgres", autocommit=True) as server:
        server.execute(f"CREATE DATABASE {NAME}")
        try:
            yield f"postgres://{place}/{NAME}"
        finally:
            server.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


def migrate(address: str, *names: str) -> None:
    assert conninfo_to_dict(address)["dbname"] == NAME
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", *names]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"DATABASE_URL": address}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_migrating_to_partitions_keeps_the_history(database: str) -> None:
    now = datetime.now(UTC)
    past = now - timedelta(days=3)
    migrate(database, "executions", "0002_initial")
    rows: list[dict[str, Any]] = [{"id": uuid7(at), "at": at} for at in (now, past)]
    with psycopg.connect(database) as history:
        for row in rows:
            history.execute(ADD, row)
            history.execute(NOTE, row)
    migrate(database)
    with psycopg.connect(database) as history:
        where: dict[Any, Any]
        for table, key in (("executions_run", "id"), ("executions_runevent", "run_id")):
            where = dict(history.execute(f"SELECT {key}, tableoid::regclass::text FROM {table}").fetchall())
            assert where == {rows[0]["id"]: f"{table}_{now:%Y%m%d}", rows[1]["id"]: f"{table}_other"}
        assert history.execute(NOTE, rows[1]).fetchall() == [(3,)], "event ids continue after the last one"
        with pytest.raises(psycopg.errors.UniqueViolation):
            history.execute(ADD, rows[1])
    migrate(database)
