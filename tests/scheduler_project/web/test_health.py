"""Proves the health checks: they need no host name or HTTPS, and a database that hangs does not block them."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from scheduler_project.env import Environment
from scheduler_project.launch import stores
from scheduler_project.web import health
from schedules.passes.presence import Presence
from tests.waiting import wait_until
from values.clock import machine_clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

    from scheduler_project.launch.postgres import Postgres

pytestmark = pytest.mark.long

LATEST: tuple[str, str] = MigrationLoader(None).graph.leaf_nodes("schedules")[0]


@pytest.fixture(autouse=True)
def readiness(monkeypatch: pytest.MonkeyPatch) -> health.Readiness:
    """The state of a process that has just started."""
    fresh = health.Readiness()
    monkeypatch.setattr(health, "readiness", fresh)
    return fresh


@pytest.fixture
def unmigrated(transactional_db: None) -> Iterator[None]:
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied(*LATEST)
    yield
    if LATEST not in recorder.applied_migrations():
        recorder.record_applied(*LATEST)


def test_a_process_is_live_without_its_database(client: Client) -> None:
    response = client.get("/health/live", secure=True)

    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert "no-store" in response["Cache-Control"]


def test_a_check_over_plain_http_is_not_redirected_to_https(client: Client) -> None:
    assert client.get("/health/live").status_code == 200


def test_a_check_is_served_under_any_host_name(client: Client) -> None:
    assert client.get("/health/live", headers={"host": "10.0.0.7:8000"}).status_code == 200


def test_a_process_is_ready_with_a_migrated_database(client: Client, db: None) -> None:
    response = client.get("/health/ready", secure=True)

    assert (response.status_code, response.json()) == (
        200,
        {
            "status": "ok",
            "checks": {"database": "ok", "migrations": "ok"},
            "warnings": ["No beat is running: scheduled jobs do not start."],
        },
    )


def test_readiness_warns_about_beats_that_do_nothing_and_names_no_machine(
    client: Client, transactional_db: None
) -> None:
    now = datetime.now(UTC)
    problem = "The clock of its machine is 3600 s ahead of PostgreSQL's clock."
    Presence("secret-host:1").note(now, timedelta(hours=1), problem)
    Presence("secret-host:2").note(now, timedelta(0), "")
    Presence("secret-host:3").note(now - timedelta(minutes=1), timedelta(0), "It stopped a minute ago.")

    response = client.get("/health/ready", secure=True)
    assert response.status_code == 200, "the API can accept jobs"
    assert response.json()["warnings"] == [f"1 of 2 beats does nothing. {problem}"]


def test_readiness_warns_about_the_clock_of_the_web_process(
    client: Client, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    Presence("host:1").note(datetime.now(UTC), timedelta(0), "")
    monkeypatch.setattr(machine_clock, "measure", lambda connection: None)
    monkeypatch.setattr(machine_clock, "difference", timedelta(hours=-1))
    response = client.get("/health/ready", secure=True)
    assert response.json()["warnings"] == [
        "The clock of this machine is 3600 s behind PostgreSQL's clock: synchronize both (NTP)."
    ]


def test_a_process_is_not_ready_before_the_migrations_are_applied(
    client: Client, unmigrated: None, caplog: pytest.LogCaptureFixture
) -> None:
    response = client.get("/health/ready", secure=True)
    assert response.status_code == 503
    checks = {"database": "ok", "migrations": "failed"}
    assert response.json() == {"status": "unavailable", "checks": checks, "warnings": []}
    assert "not_ready" in caplog.text
    assert "1 migration is not applied: run manage.py migrate." in caplog.text


def test_a_process_without_a_database_is_not_ready_and_shows_no_error(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"HOST": "127.0.0.1", "PORT": "1", "PASSWORD": "hunter2"}.items():
        monkeypatch.setitem(connection.settings_dict, name, value)

    response = client.get("/health/ready", secure=True)
    assert response.status_code == 503
    checks = {"database": "failed", "migrations": "unknown"}
    assert response.json() == {"status": "unavailable", "checks": checks, "warnings": []}


def test_a_check_with_another_method_than_get_is_refused(client: Client) -> None:
    assert client.post("/health/live", secure=True).status_code == 405


def test_readiness_reads_the_database_at_most_once_in_its_maximum_age(
    client: Client,
    db: None,
    readiness: health.Readiness,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(readiness, "MAX_AGE_SECONDS", 3600)
    assert client.get("/health/ready").status_code == 200
    with monkeypatch.context() as patched:
        patched.setattr(health, "connection", None)  # an error if it were used
        assert [client.get("/health/ready").status_code for _ in range(20)] == [200] * 20

    monkeypatch.setattr(readiness, "MAX_AGE_SECONDS", 0)
    monkeypatch.setattr(health, "MigrationExecutor", None)  # an error if the migrations were read again
    assert client.get("/health/ready").status_code == 200


def test_a_database_that_hangs_does_not_block_the_checks(
    client: Client,
    transactional_db: None,
    readiness: health.Readiness,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(readiness, "TIMEOUT_SECONDS", 0.2)
    with stores.postgres() as server, monkeypatch.context() as patched:
        database = Environment({"DATABASE_URL": server.url}).postgresql("DATABASE_URL")
        for name in ("HOST", "PORT", "USER", "PASSWORD", "NAME"):
            patched.setitem(connection.settings_dict, name, database[name])
        wait_until(lambda: readiness.findings().checks["database"] == "ok")
        patched.setattr(readiness, "MAX_AGE_SECONDS", 0)
        caplog.clear()  # on a busy machine, the check above may have timed out too
        with frozen(server):
            responses = [client.get("/health/ready") for _ in range(10)]
            assert {response.status_code for response in responses} == {503}
            assert responses[-1].json()["checks"] == {"database": "failed", "migrations": "unknown"}
            assert client.get("/health/live").status_code == 200
            assert [thread.name for thread in threading.enumerate()].count("readiness") == 1
            assert caplog.text.count("The database does not respond.") == 1
        wait_until(lambda: readiness.findings().checks["database"] == "ok")
        wait_until(lambda: "readiness" not in [thread.name for thread in threading.enumerate()])


@contextmanager
def frozen(server: Postgres) -> Iterator[None]:
    """Suspend all processes of a server: it accepts connections and never responds."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [[int(number) for number in line.split()] for line in listing.splitlines()]
    # The postmaster first, so that it starts no others meanwhile.
    pids = [server.pid, *(pid for pid, parent in pairs if parent == server.pid)]
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_process_becomes_ready_when_its_database_is_migrated(
    client: Client, unmigrated: None, readiness: health.Readiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "MAX_AGE_SECONDS", 0)
    assert client.get("/health/ready").status_code == 503
    MigrationRecorder(connection).record_applied(*LATEST)
    assert client.get("/health/ready").status_code == 200
