from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

from scheduler_project import health

if TYPE_CHECKING:
    from django.test import Client


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
