"""PostgreSQL that is not there yet, is away for a while, or is cut off from one worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from celery import Celery
from django.db import OperationalError, connection, connections

from executions.models import Attempt, LogLine, Run
from executions.states import RunStatus
from scheduler_project.env import Environment
from scheduler_project.launch import stores
from schedules.triggers import pause, run_now
from tests.acceptance.cable import cable
from tests.acceptance.processes import database_url
from tests.factories import make_job
from tests.receiver import answer
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scheduler_project.launch.postgres import Postgres
    from schedules.models import Job
    from tests.acceptance.processes import Processes
    from tests.receiver import Handler, Receiver

pytestmark = pytest.mark.django_db(transaction=True)

SLEEP = {"kind": "command", "name": "demo.sleep"}


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A PostgreSQL of this module's own, migrated, to be stopped and started."""
    with stores.postgres() as running:
        environment = {**os.environ, "DATABASE_URL": running.url}
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--no-input"], env=environment, check=True, capture_output=True
        )
        yield running


@pytest.fixture
def ours(server: Postgres, processes: Processes) -> Iterator[Processes]:
    """Processes on that server, as is the test itself."""
    here = connections["default"]
    here.close()
    shared = dict(here.settings_dict)
    given = Environment({"DATABASE_URL": server.url}).postgresql("DATABASE_URL")
    here.settings_dict.update({name: given[name] for name in ("HOST", "PORT", "USER", "PASSWORD", "NAME")})
    running = processes.with_environment(DATABASE_URL=server.url, MAINSPRING_DB_POOL="0")  # as in the Procfile
    yield running
    running.kill_all()
    here.close()
    here.settings_dict.update(shared)


def sleeping(seconds: int, **policies: object) -> Job:
    return make_job(
        "sleep",
        {"kind": "none"},
        target=SLEEP,
        payload={"seconds": seconds},
        now=datetime.now(UTC),
        policies=policies,
    )


def status(run: Run) -> str:
    try:
        return str(Run.objects.get(pk=run.pk).status)
    except OperationalError:
        connection.close()
        return "unknown"


def run_one(job: Job) -> Run:
    return run_now(job, datetime.now(UTC), actor="tests")


def take_no_more(processes: Processes, worker: str) -> None:
    """Have it take no messages. What it takes and cannot begin comes again seconds later, perhaps to it once more."""
    control = Celery("asking", broker=processes.broker_url).control
    for queue in ("http", "housekeeping"):
        told = control.cancel_consumer(queue, destination=[f"{worker}@tests"], reply=True, timeout=20, limit=1)
        assert told and "ok" in told[0][f"{worker}@tests"], told


def test_beat_and_workers_wait_for_a_database_that_is_not_there_yet(ours: Processes, server: Postgres) -> None:
    run = run_one(sleeping(0))
    connection.close()
    server.stop()
    ours.start("beat", "worker")
    wait_until(lambda: ours.log_of("beat").count("database_away") >= 2, 40, what="two lines about it")
    assert "Connection refused" in ours.log_of("beat")
    server.start()
    wait_until(lambda: status(run) == RunStatus.SUCCEEDED, 30, what="the end of the run")
    wait_until(lambda: "database_back" in ours.log_of("beat"), what="the beat's word that it is back")
    assert not ours.tracebacks()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"netloc": "nobody:wrong@"}, 'password authentication failed for user "nobody"'),
        ({"path": "/nowhere"}, 'database "nowhere" does not exist'),
        ({"path": "/postgres"}, "run manage.py migrate"),
    ],
    ids=["password", "name", "migrations"],
)
def test_what_is_wrong_with_the_database_is_said_again_and_again(
    processes: Processes, change: dict[str, str], said: str
) -> None:
    url = urlsplit(database_url())
    if "netloc" in change:
        change = {"netloc": change["netloc"] + url.netloc.rpartition("@")[2]}
    lost = processes.with_environment(DATABASE_URL=url._replace(**change).geturl(), MAINSPRING_DB_POOL="0")
    lost.start("beat")
    try:
        wait_until(lambda: lost.log_of("beat").count(said) >= 2, 30, what=said)
        assert lost.is_running("beat")
        assert not lost.tracebacks()
        lost.stop("beat")
    finally:
        lost.kill_all()


def test_a_run_outlasts_a_database_that_is_away_for_less_than_its_lease(ours: Processes, server: Postgres) -> None:
    patient = ours.with_environment(MAINSPRING_LEASE="20")
    try:
        patient.start("beat", "worker")
        run = run_one(sleeping(8))
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
        assert [line.split()[1] for line in lines] == [str(second) for second in range(8)], "none lost, none twice"
        assert not patient.tracebacks()
    finally:
        patient.kill_all()


def test_a_worker_that_is_cut_off_for_longer_than_its_lease_cannot_overwrite_what_another_did(
    processes: Processes, receiver: Receiver
) -> None:
    mended = threading.Event()

    def answer_once_mended(handler: Handler) -> None:
        mended.wait(100)
        handler.send(200)

    url = receiver.script("/slow", answer_once_mended, answer(200))
    target = {"kind": "http", "method": "POST", "url": url}
    with cable(database_url()) as wire:
        far = processes.with_environment(DATABASE_URL=wire.url)
        try:
            processes.start("beat")
            far.start("worker-http")
            run = run_one(
                make_job("slow", {"kind": "none"}, now=datetime.now(UTC), target=target, policies={"timeout": "2m"})
            )
            wait_until(lambda: receiver.requests, what="its start")
            take_no_more(far, "worker-http")
            wire.cut()
            processes.start("worker-http#2")
            wait_until(lambda: status(run) == RunStatus.SUCCEEDED, 60, what="the end of the run elsewhere")
            wire.mend()
            mended.set()
            wait_until(lambda: "claim_lost" in far.log_of("worker-http"), 40, what="the first worker's end")
            first, second = Attempt.objects.filter(run_id=run.pk).order_by("number")
            assert (first.status, second.status) == ("lost", "succeeded")
            assert second.worker.startswith("worker-http#2@")
            assert len(receiver.requests) == 2, "as many as there are attempts in the books"
            assert len({call.headers["idempotency-key"] for call in receiver.requests}) == 1
            assert status(run) == RunStatus.SUCCEEDED
            assert not far.tracebacks() and not processes.tracebacks()
        finally:
            far.kill_all()


def test_a_worker_that_was_frozen_for_longer_than_its_lease_stops_and_changes_nothing(processes: Processes) -> None:
    processes.start("beat", "worker")
    run = run_one(sleeping(8))
    wait_until(lambda: status(run) == RunStatus.RUNNING, what="its start")
    processes.signal("worker", signal.SIGSTOP)
    processes.start("worker#2")
    wait_until(lambda: status(run) == RunStatus.SUCCEEDED, 60, what="the end of the run elsewhere")
    processes.signal("worker", signal.SIGCONT)
    wait_until(lambda: "claim_lost" in processes.log_of("worker"), 40, what="the first worker's end")
    assert [each.status for each in Attempt.objects.filter(run_id=run.pk).order_by("number")] == ["lost", "succeeded"]


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
