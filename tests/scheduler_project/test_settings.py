"""Settings as a process reads them at its start: a bad value refuses, in one sentence that names the variable."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from executions.dispatch import KILL_AFTER
from executions.worker.claims import CLAIM_RETRY_TIMEOUT
from values.database import DATABASE_RETRY_SECONDS

ROOT = Path(__file__).parents[2]
GOOD = {
    "SECRET_KEY": "x" * 50,
    "DATABASE_URL": "postgres://mainspring:secret@127.0.0.1:5432/mainspring",
    "BROKER_URL": "redis://127.0.0.1:6379/0",
}


NAME = "DATABASES['default']['NAME']"


def start(value: str = NAME, first: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Import the settings in a process of their own, after a module, and print one; an empty variable is taken away."""
    given = {name: value for name, value in {**GOOD, **variables}.items() if value}
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [
        sys.executable,
        "-c",
        f"{first and f'import {first};'}from scheduler_project import settings; print(settings.{value})",
    ]
    return subprocess.run(command, env={**kept, **given}, cwd=ROOT, capture_output=True, text=True, check=False)


def test_good_values_start() -> None:
    started = start()
    assert (started.returncode, started.stdout) == (0, "mainspring\n"), started.stderr


def test_a_claim_that_the_pool_of_connections_keeps_waiting_is_given_up_before_the_worker_is_killed_for_it() -> None:
    waited = timedelta(seconds=float(start("DATABASES['default']['OPTIONS']['pool']['timeout']").stdout))
    assert CLAIM_RETRY_TIMEOUT + timedelta(seconds=DATABASE_RETRY_SECONDS) + waited < KILL_AFTER


def test_a_value_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgres://u:p@db:5432/from_file\n")
    assert start(DATABASE_URL="", DATABASE_URL_FILE=str(tmp_path / "url")).stdout == "from_file\n"


def test_the_web_process_checks_its_connections_unless_told_otherwise(tmp_path: Path) -> None:
    check, web = "DATABASES['default']['CONN_HEALTH_CHECKS']", "scheduler_project.wsgi"
    (tmp_path / "check").write_text("false\n")
    assert start(check).stdout == "False\n"
    assert start(check, web).stdout == "True\n"
    assert start(check, web, MAINSPRING_DB_CHECK="false").stdout == "False\n"
    assert start(check, web, MAINSPRING_DB_CHECK_FILE=str(tmp_path / "check")).stdout == "False\n"


def test_a_vanished_database_is_given_up_after_half_a_minute_unless_its_address_says_otherwise() -> None:
    given = "DATABASES['default']['OPTIONS']['tcp_user_timeout']"
    assert start(given).stdout == "30000\n"
    assert start(given, DATABASE_URL=GOOD["DATABASE_URL"] + "?tcp_user_timeout=5000").stdout == "5000\n"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, "False"), ({"MAINSPRING_HSTS_SECONDS": "60"}, "False"), ({"MAINSPRING_HSTS_PRELOAD": "true"}, "True")],
)
def test_browsers_are_told_of_preloading_only_when_that_was_asked_for(variables: dict[str, str], expected: str) -> None:
    assert start("SECURE_HSTS_PRELOAD", **variables).stdout == f"{expected}\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", ""),
        ("SECRET_KEY_FILE", "no-such-file"),
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "mysql://u:p@db/name"),
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "postgres://u:p@db:port/name"),
        ("BROKER_URL", ""),
        ("MAINSPRING_DB_POOL", "many"),
        ("MAINSPRING_HTTPS", "perhaps"),
        ("MAINSPRING_HSTS_SECONDS", "-1"),
        ("MAINSPRING_HSTS_PRELOAD", "maybe"),
        ("MAINSPRING_LOG_LEVEL", "LOUD"),
        ("MAINSPRING_LEASE", "soon"),
    ],
)
def test_a_bad_value_refuses_to_start_and_says_which(name: str, value: str) -> None:
    refused = start(**({"SECRET_KEY": "", name: value} if name == "SECRET_KEY_FILE" else {name: value}))
    assert refused.returncode != 0
    last = refused.stderr.strip().splitlines()[-1]
    assert "ImproperlyConfigured" in last and name in last, refused.stderr
