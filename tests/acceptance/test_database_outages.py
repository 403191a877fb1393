"""A PostgreSQL that is not there yet, is away for a while or restarts under load loses no run."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from django.db import OperationalError, connection, connections

from executions.models import LogLine, Run
from executions.states import RunStatus
from scheduler_project.env import Environment
from scheduler_project.launch import stores
from schedules.triggers import pause, run_now
from tests.factories import make_job
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scheduler_project.launch.postgres import Postgres
    from schedules.models import Job
    from tests.acceptance.processes import Processes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A migrated PostgreSQL of this module's own, which its tests may stop and start."""
    with stores.postgres() as running:
        environment = {**os.environ, "DATABASE_URL": running.url}
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--no-input"], env=environment, check=True, capture_output=True
        )
        yield running


@pytest.fixture
def ours(server: Postgres, processes: Processes) -> Iterator[Processes]:
    """Processes on that server. The test itself uses it too."""
    here = connections["default"]
    here.close()
    shared = dict(here.settings_dict)
    given = Environment({"DATABASE_URL": server.url}).postgresql("DATABASE_URL")
    here.settings_dict.update({name: given[name] for name in ("HOST", "PORT", "USER", "PASSWORD", "NAME")})
    # Without a pool, as in the Procfile.
    running = processes.with_environment(DATABASE_URL=server.url, MAINSPRING_DB_POOL="0")
    yield running
    running.kill_all()
    here.close()
    here.settings_dict.update(shared)


def command_job(name: str, **payload: object) -> Job:
    target = {"kind": "command", "name": name}
    return make_job(name, {"kind": "none"}, target=target, payload=payload, now=datetime.now(UTC))


def status(run: Run) -> str:
    try:
        return str(Run.objects.get(pk=run.pk).status)
    except OperationalError:
        connection.close()
        return "unknown"


def run_one(job: Job) -> Run:
    return run_now(job, datetime.now(UTC), actor="tests")


def test_beat_and_workers_wait_for_a_database_that_is_not_there_yet(ours: Processes, server: Postgres) -> None:
    run = run_one(command_job("demo.sleep", seconds=0))
    connection.close()
    server.stop()
    ours.start("beat", "worker")
    wait_until(lambda: ours.log_of("beat").count("database_away") >= 2, 40, what="two lines about it")
    assert "Connection refused" in ours.log_of("beat")
    server.start()
    wait_until(lambda: status(run) == RunStatus.SUCCEEDED, 30, what="the end of the run")
    wait_until(lambda: "database_back" in ours.log_of("beat"), what="the log line that it is back")
    assert not ours.tracebacks()


def test_a_run_survives_a_database_that_is_away_for_less_than_its_lease(ours: Processes, server: Postgres) -> None:
    patient = ours.with_environment(MAINSPRING_LEASE="20")
    try:
        patient.start("beat", "worker")
        run = run_one(command_job("tests.count", to=8))
        wait_until(lambda: status(run) == RunStatus.RUNNING, what="its start")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        wait_until(lambda: LogLine.objects.filter(run_id=run.pk).count() >= 3, what="a heartbeat after the cut")
        connection.close()
        server.stop()
        n_failed = patient.log_of("worker").count("action=heartbeat")
        wait_until(
            lambda: patient.log_of("worker").count("action=heartbeat") >= n_failed + 3,
            what="three heartbeats that failed",
        )
        server.start()
        wait_until(lambda: status(run) == RunStatus.SUCCEEDED, 40, what="the end of the run")
        run.refresh_from_db()
        assert (run.n_attempts, run.n_lost) == (1, 0)
        lines = LogLine.objects.filter(run_id=run.pk).values_list("message", flat=True)
        assert list(lines) == [str(number) for number in range(8)], "none lost, none twice"
        assert not patient.tracebacks()
    finally:
        patient.kill_all()


def test_postgresql_restarted_under_load_loses_no_occurrence_and_no_run(ours: Processes, server: Postgres) -> None:
    ours.start("beat", "worker")
    job = make_job("every second", {"every": "1s"}, now=datetime.now(UTC), policies={"overlap": "allow"})
    many = make_job("many", {"kind": "none"}, now=datetime.now(UTC))
    for _ in range(300):
        run_one(many)
    done = Run.objects.filter(status=RunStatus.SUCCEEDED)
    wait_until(lambda: done.filter(job=job).count() >= 2 and done.filter(job=many).count() >= 20, what="some runs")
    connection.close()
    server.kill()
    server.start()
    n_before = Run.objects.filter(job=job).count()
    wait_until(lambda: Run.objects.filter(job=job).count() >= n_before + 3, 30, what="three more occurrences")
    pause(job.pk, datetime.now(UTC), actor="tests")
    live = Run.objects.filter(job__in=[job, many]).exclude(status__in=[RunStatus.SUCCEEDED, RunStatus.SKIPPED])
    wait_until(lambda: not live.exists(), 60, what="the end of all runs")
    assert done.filter(job=many).count() == 300
    instants = list(Run.objects.filter(job=job).order_by("nominal_at").values_list("nominal_at", flat=True))
    assert {later - earlier for earlier, later in pairwise(instants)} == {timedelta(seconds=1)}
    assert not ours.tracebacks()
