"""Real processes on the test's own stores: fresh for one test, or shared by all tests of a module."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import redis
from django.conf import settings as configured
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

import tests.acceptance.commands  # noqa: F401  (registers them here too: a job is validated where it is saved)
from tests.acceptance.processes import Processes
from tests.receiver import Receiver, running_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import DjangoDbBlocker

# Leases and retries that take seconds in production take as few seconds here as the tests can tell apart.
SHORT_INTERVALS = {
    "MAINSPRING_LEASE": "3",
    "MAINSPRING_HEARTBEAT": "1",
    "MAINSPRING_HTTP_ALLOW_PRIVATE_NETWORKS": "true",
    "MAINSPRING_REPUBLISH_AFTER": "5",
    "MAINSPRING_COMMAND_MODULES": "executions.targets.command.demo,tests.acceptance.commands",
}


@pytest.fixture
def processes(transactional_db: None, tmp_path: Path) -> Iterator[Processes]:
    """Processes of one test. None is started yet; all that the test starts are killed at its end."""
    with _killed_at_the_end(tmp_path) as running:
        yield running


def shared_processes(*names: str) -> Any:
    """Return a fixture for one module: processes that are started once for all its tests.

    Rows stay until the last of these tests has ended. So each test looks at jobs of its own only, and none has the
    mark `django_db`, which would empty the database after each.
    """

    @pytest.fixture(scope="module", autouse=True)
    def processes(
        django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Processes]:
        with django_db_blocker.unblock():
            try:
                with _killed_at_the_end(tmp_path_factory.mktemp("processes")) as running:
                    running.start(*names)
                    yield running
            finally:
                call_command("flush", verbosity=0, interactive=False, reset_sequences=False)

    return processes


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An HTTP server that records the requests it gets."""
    with running_receiver() as running:
        yield running


@contextmanager
def _killed_at_the_end(folder: Path) -> Iterator[Processes]:
    """Give processes an empty broker; kill them at the end, with the connections that they left open."""
    redis.Redis.from_url(os.environ["BROKER_URL"]).flushdb()
    running = Processes(folder, **SHORT_INTERVALS)
    engine_settings = replace(configured.MAINSPRING, http_allow_private_networks=True)
    with override_settings(MAINSPRING=engine_settings):  # as in the processes: jobs are validated here too
        try:
            yield running
        finally:
            running.kill_all()
            with connection.cursor() as cursor:  # an open transaction of a killed process would block the flush
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
