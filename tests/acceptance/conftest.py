"""Real processes on real stores. Each test has its own rows, an empty broker, and short leases."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import redis
from django.db import connection

import tests.acceptance.commands  # noqa: F401  (registers them here too: a job is validated where it is saved)
from tests.acceptance.processes import Processes
from tests.receiver import Receiver, running_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import Settings

SHORT = {
    "MAINSPRING_LEASE": "3",
    "MAINSPRING_HEARTBEAT": "1",
    "MAINSPRING_HTTP_ALLOW_PRIVATE_NETWORKS": "true",
    "MAINSPRING_REPUBLISH_AFTER": "5",
    "MAINSPRING_COMMAND_MODULES": "executions.targets.command.demo,tests.acceptance.commands",
}


@pytest.fixture
def processes(transactional_db: None, tmp_path: Path, settings: Settings) -> Iterator[Processes]:
    """Nothing is started yet; whatever is started is killed at the end."""
    settings.MAINSPRING = replace(settings.MAINSPRING, http_allow_private_networks=True)
    redis.Redis.from_url(os.environ["BROKER_URL"]).flushdb()
    running = Processes(tmp_path, **SHORT)
    yield running
    running.kill_all()
    with connection.cursor() as cursor:  # what a killed process left open would block the flush
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An HTTP server that records what it is sent."""
    with running_receiver() as running:
        yield running
