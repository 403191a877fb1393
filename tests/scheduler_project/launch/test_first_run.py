"""Proves that `make run` prepares every new database, and prints the cause of a failure without its traceback."""

from __future__ import annotations

import os
import shutil
import socket
from typing import TYPE_CHECKING

import pytest

from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.first_run import Credentials, explain, prepare_database
from scheduler_project.launch.postgres import Postgres

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long

FAILURE = "The database can't be prepared"
TRACEBACK = """Operations to perform:
Traceback (most recent call last):
  File "connection.py", line 126, in connect
    raise last
psycopg.OperationalError: connection failed

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "base.py", line 332, in connect
    raise last.with_traceback(None)
"""


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            TRACEBACK
            + "django.db.utils.OperationalError: FATAL:  the database system is starting up\nDETAIL:  Wait.\n",
            "The database can't be used: FATAL:  the database system is starting up DETAIL:  Wait.",
        ),
        (
            TRACEBACK + "django.db.utils.ProgrammingError: type exists\nLINE 1: CREATE TYPE\n",
            f"{FAILURE}: type exists\nLINE 1: CREATE TYPE",
        ),
        (
            TRACEBACK + "django.core.exceptions.ImproperlyConfigured: PORT is 'x': it must be a number.",
            "PORT is 'x': it must be a number.",
        ),
        ("CommandError: Conflicting migrations detected.", f"{FAILURE}: Conflicting migrations detected."),
        ("warning: one\ntwo", f"{FAILURE}: warning: one\ntwo"),
        ("", f"{FAILURE}: the command printed nothing."),
    ],
)
def test_a_failed_command_is_reported_by_its_message_without_the_traceback(
    monkeypatch: pytest.MonkeyPatch, output: str, expected: str
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert explain(output) == expected


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("MAINSPRING_HTTP_ALLOW_PRIVATE_NETWORKS", "perhaps", "it must be true or false."),
        ("MAINSPRING_LEASE", "soon", "it must be a positive number of seconds."),
        ("MAINSPRING_HSTS_SECONDS", "-1", "it must be a whole number, 0 or more, below 10^18."),
    ],
)
def test_a_wrong_setting_is_reported_by_the_settings_own_message(name: str, text: str, reason: str) -> None:
    with pytest.raises(CannotLaunch) as refused:
        prepare_database({**os.environ, name: text})
    assert str(refused.value) == f"{name} is {text!r}: {reason}"


def test_a_database_that_refuses_connections_is_reported_in_one_message() -> None:
    with pytest.raises(CannotLaunch) as refused:
        prepare_database({**os.environ, "DATABASE_URL": "postgres://somebody:secret@127.0.0.1:1/somewhere"})
    assert str(refused.value) == (
        "The database can't be used: connection failed: connection to server at "
        '"127.0.0.1", port 1 failed: Connection refused. Check DATABASE_URL, and that the database is running.'
    )


def test_a_database_that_does_not_respond_is_reported_on_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(CannotLaunch) as refused:
        url = f"postgres://somebody:secret@127.0.0.1:{silent.getsockname()[1]}/somewhere"
        prepare_database({**os.environ, "DATABASE_URL": url, "PGCONNECT_TIMEOUT": "2"})
    message = str(refused.value)
    assert "timeout expired" in message and "secret" not in message
    assert len(message.splitlines()) == 1


def test_a_database_that_replaces_a_deleted_one_gets_an_administrator_too(tmp_path: Path) -> None:
    """The new database has the user and the password of the deleted one, because its settings are stored elsewhere."""

    def launch() -> Credentials | None:
        with Postgres(tmp_path / "postgres") as server:
            return prepare_database({**os.environ, "DATABASE_URL": server.url})

    first = launch()
    assert first is not None and first.username == "admin"
    assert launch() is None
    shutil.rmtree(Postgres(tmp_path / "postgres").data)
    again = launch()
    assert again is not None and again.password != first.password
