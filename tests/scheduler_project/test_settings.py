"""Proves that a process reads its settings from the environment, and stops with a message for a wrong value."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from executions.dispatch import KILL_AFTER
from executions.worker.claims import CLAIM_RETRY_TIMEOUT
from tests.scheduler_project.required_variables import REQUIRED_VARIABLES
from values.database import DATABASE_RETRY_SECONDS

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
NAME = "DATABASES['default']['NAME']"


def start(value: str = NAME, first: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Import the settings in a new process, after the module `first`, and print `value`.

    A variable with an empty value is removed.
    """
    given = {name: value for name, value in {**REQUIRED_VARIABLES, **variables}.items() if value}
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [
        sys.executable,
        "-c",
        f"{first and f'import {first};'}from scheduler_project import settings; print(settings.{value})",
    ]
    return subprocess.run(command, env={**kept, **given}, cwd=ROOT, capture_output=True, text=True, check=False)


def test_valid_settings_are_accepted() -> None:
    started = start()
    assert (started.returncode, started.stdout) == (0, "mainspring\n"), started.stderr


def test_a_claim_that_waits_for_a_connection_ends_before_its_task_is_killed() -> None:
    waited = timedelta(seconds=float(start("DATABASES['default']['OPTIONS']['pool']['timeout']").stdout))
    assert CLAIM_RETRY_TIMEOUT + timedelta(seconds=DATABASE_RETRY_SECONDS) + waited < KILL_AFTER


def test_a_setting_can_be_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgres://u:p@db:5432/from_file\n")
    assert start(DATABASE_URL="", DATABASE_URL_FILE=str(tmp_path / "url")).stdout == "from_file\n"


def test_the_web_process_checks_its_connections_unless_that_is_switched_off(tmp_path: Path) -> None:
    check, web = "DATABASES['default']['CONN_HEALTH_CHECKS']", "scheduler_project.wsgi"
    (tmp_path / "check").write_text("false\n")
    assert start(check).stdout == "False\n"
    assert start(check, web).stdout == "True\n"
    assert start(check, web, MAINSPRING_DB_CHECK="false").stdout == "False\n"
    assert start(check, web, MAINSPRING_DB_CHECK_FILE=str(tmp_path / "check")).stdout == "False\n"


def test_the_timeout_for_a_vanished_database_is_30_seconds_unless_the_url_sets_it() -> None:
    timeout = "DATABASES['default']['OPTIONS']['tcp_user_timeout']"
    assert start(timeout).stdout == "30000\n"
    assert start(timeout, DATABASE_URL=REQUIRED_VARIABLES["DATABASE_URL"] + "?tcp_user_timeout=5000").stdout == "5000\n"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, "False"), ({"MAINSPRING_HSTS_SECONDS": "60"}, "False"), ({"MAINSPRING_HSTS_PRELOAD": "true"}, "True")],
)
def test_hsts_preloading_is_off_unless_it_is_switched_on(variables: dict[str, str], expected: str) -> None:
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
def test_a_wrong_value_stops_the_process_with_an_error_that_names_it(name: str, value: str) -> None:
    refused = start(**({"SECRET_KEY": "", name: value} if name == "SECRET_KEY_FILE" else {name: value}))
    assert refused.returncode != 0
    last = refused.stderr.strip().splitlines()[-1]
    assert "ImproperlyConfigured" in last and name in last, refused.stderr
