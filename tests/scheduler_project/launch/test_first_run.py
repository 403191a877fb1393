"""What the launcher makes of Django's commands, and of real ones that fail."""

from __future__ import annotations

import hashlib
import os
import socket
from typing import TYPE_CHECKING

import pytest

from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.first_run import explain, make_administrator, migrate

if TYPE_CHECKING:
    from pathlib import Path

AIM = "The database can't be brought up to date"
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
            f"{AIM}: type exists\nLINE 1: CREATE TYPE",
        ),
        (
            TRACEBACK + "django.core.exceptions.ImproperlyConfigured: PORT is 'x': it takes a number.",
            "PORT is 'x': it takes a number.",
        ),
        ("CommandError: Conflicting migrations detected.", f"{AIM}: Conflicting migrations detected."),
        ("warning: one\ntwo", f"{AIM}: warning: one\ntwo"),
        ("", f"{AIM}: it ended without a word."),
    ],
)
def test_a_person_reads_the_message_and_not_the_traceback(
    monkeypatch: pytest.MonkeyPatch, output: str, expected: str
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert explain(output, AIM) == expected


@pytest.mark.parametrize(
    ("name", "text", "takes"),
    [
        ("MAINSPRING_HTTP_ALLOW_PRIVATE_NETWORKS", "perhaps", "it takes true or false."),
        ("MAINSPRING_LEASE", "soon", "it takes a positive number of seconds."),
        ("MAINSPRING_HSTS_SECONDS", "-1", "it takes a whole number, 0 or more."),
    ],
)
def test_a_wrong_setting_is_announced_in_its_own_sentence(name: str, text: str, takes: str) -> None:
    with pytest.raises(CannotLaunch) as refused:
        migrate({**os.environ, name: text})
    assert str(refused.value) == f"{name} is {text!r}: {takes}"


def test_a_database_that_refuses_is_one_sentence() -> None:
    with pytest.raises(CannotLaunch) as refused:
        migrate({**os.environ, "DATABASE_URL": "postgres://somebody:secret@127.0.0.1:1/somewhere"})
    assert str(refused.value) == (
        "The database can't be used: connection failed: connection to server at "
        '"127.0.0.1", port 1 failed: Connection refused. Check that it runs, and DATABASE_URL.'
    )


def test_a_database_that_takes_the_call_and_never_answers_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(CannotLaunch) as refused:
        url = f"postgres://somebody:secret@127.0.0.1:{silent.getsockname()[1]}/somewhere"
        migrate({**os.environ, "DATABASE_URL": url, "PGCONNECT_TIMEOUT": "2"})
    sentence = str(refused.value)
    assert "timeout expired" in sentence and "secret" not in sentence
    assert len(sentence.splitlines()) == 1


def test_a_database_that_is_given_as_a_file_is_known_too(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgres://somebody:secret@127.0.0.1:1/somewhere\n")
    digest = hashlib.sha256(b"postgres://somebody:secret").hexdigest()
    (tmp_path / "databases-seen").write_text(f"{digest}\n")
    assert make_administrator({"DATABASE_URL_FILE": str(tmp_path / "url")}, tmp_path) is None
