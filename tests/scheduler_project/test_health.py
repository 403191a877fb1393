from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import OperationalError, connection
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

from scheduler_project import health

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries


@pytest.fixture(autouse=True)
def readiness(monkeypatch: pytest.MonkeyPatch) -> health.Readiness:
    """As of a process that has just started."""
    fresh = health.Readiness()
    monkeypatch.setattr(health, "readiness", fresh)
    return fresh


def test_a_process_is_alive_without_its_database(client: Client) -> None:
    response = client.get("/health/live", secure=True)

    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert "no-store" in response["Cache-Control"]


def test_a_probe_over_plain_http_is_not_sent_elsewhere(client: Client) -> None:
    assert client.get("/health/live").status_code == 200


def test_a_probe_is_answered_under_any_name(client: Client) -> None:
    assert client.get("/health/live", headers={"host": "10.0.0.7:8000"}).status_code == 200


def test_a_process_is_ready_with_its_database_migrated(client: Client, db: None) -> None:
    response = client.get("/health/ready", secure=True)

    assert (response.status_code, response.json()) == (
        200,
        {"status": "ok", "checks": {"database": "ok", "migrations": "ok"}},
    )


def test_a_process_is_not_ready_before_the_migrations_are_applied(client: Client, db: None) -> None:
    MigrationRecorder(connection).record_unapplied("schedules", "0001_initial")

    response = client.get("/health/ready", secure=True)
    assert response.status_code == 503
    assert response.json() == {"status": "unavailable", "checks": {"database": "ok", "migrations": "failed"}}


def test_a_process_without_a_database_is_not_ready_and_tells_nothing_more(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = {**connection.settings_dict, "HOST": "127.0.0.1", "PORT": "1", "PASSWORD": "hunter2", "OPTIONS": {}}
    monkeypatch.setattr(health, "connection", DatabaseWrapper(nowhere, alias="nowhere"))

    response = client.get("/health/ready", secure=True)
    assert response.status_code == 503
    assert response.json() == {"status": "unavailable", "checks": {"database": "failed", "migrations": "unknown"}}


def test_a_probe_only_reads(client: Client) -> None:
    assert client.post("/health/live", secure=True).status_code == 405


def test_readiness_costs_the_database_little_however_often_it_is_asked_for(
    client: Client,
    db: None,
    readiness: health.Readiness,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    monkeypatch.setattr(readiness, "KEPT_SECONDS", 3600)
    assert client.get("/health/ready").status_code == 200
    with django_assert_num_queries(0):
        assert [client.get("/health/ready").status_code for _ in range(20)] == [200] * 20

    monkeypatch.setattr(readiness, "KEPT_SECONDS", 0)
    monkeypatch.setattr(health, "MigrationExecutor", None)  # not looked at again
    with django_assert_num_queries(0):  # Django counts no pings
        assert client.get("/health/ready").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_has_dropped_is_made_anew(client: Client) -> None:
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert client.get("/health/ready").status_code == 200


def test_a_process_becomes_ready_when_its_database_is_migrated(
    client: Client, db: None, readiness: health.Readiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "KEPT_SECONDS", 0)
    MigrationRecorder(connection).record_unapplied("schedules", "0001_initial")
    assert client.get("/health/ready").status_code == 503
    MigrationRecorder(connection).record_applied("schedules", "0001_initial")
    assert client.get("/health/ready").status_code == 200
