"""What is stuck, broken, refused or cut off in one job leaves no gap in the others: with a real beat and a real worker."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.db import connection

from executions.models import Run, RunSpec
from executions.states import RunStatus
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from schedules.models import Job
from schedules.triggers import pause, run_now
from tests.acceptance.processes import database_url
from tests.factories import ECHO, make_job
from tests.poison import cure, poison
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.acceptance.processes import Processes

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)


def every_second(name: str) -> Job:
    policies = {"overlap": "allow", "catch_up": {"mode": "all"}}
    return make_job(name, {"every": "1s"}, now=datetime.now(UTC), policies=policies)


def n_runs(job: Job) -> int:
    return Run.objects.filter(job=job).count()


def assert_each_second_of(jobs: list[Job], *, within: timedelta = timedelta(seconds=5)) -> None:
    """Pause them; each instant since they were made has one run that succeeded, and was recorded in time."""
    for job in jobs:
        pause(job.pk, datetime.now(UTC), actor="tests")
    of_jobs = Run.objects.filter(job__in=jobs)
    wait_until(lambda: not of_jobs.exclude(status=RunStatus.SUCCEEDED).exists(), 40, what="the end of all runs")
    for job in jobs:
        job.refresh_from_db()
        runs = list(Run.objects.filter(job=job).order_by("nominal_at"))
        assert runs[0].nominal_at - job.created_at <= SECOND
        assert {later.nominal_at - run.nominal_at for run, later in pairwise(runs)} == {SECOND}
        assert job.paused_at is not None and job.paused_at - runs[-1].nominal_at < within
        assert max(run.created_at - run.nominal_at for run in runs) < within


@contextmanager
def held(statement: str, key: object) -> Iterator[None]:
    """Somebody has begun a transaction, locked rows, and gone for lunch."""
    with psycopg.connect(database_url()) as other:
        other.execute(statement, [key])
        yield
        other.rollback()


def test_a_job_whose_row_somebody_has_locked_is_made_up_for_and_the_others_are_on_time(processes: Processes) -> None:
    processes.start("beat", "worker")
    locked, *others = jobs = [every_second(f"job {number}") for number in range(4)]
    wait_until(lambda: n_runs(locked) >= 2, what="two runs")
    with held("SELECT 1 FROM schedules_job WHERE id = %s FOR UPDATE", locked.pk):
        n_before = n_runs(others[0])
        wait_until(lambda: n_runs(others[0]) >= n_before + 6, what="six more of another")
    n_locked = n_runs(locked)
    wait_until(lambda: n_runs(locked) >= n_locked + 7, what="what the locked one owes")
    assert_each_second_of(others, within=timedelta(seconds=1))
    assert_each_second_of(jobs[:1], within=timedelta(seconds=9))
    assert not processes.tracebacks()


def test_a_beat_that_freezes_in_a_pass_keeps_no_job_to_itself(processes: Processes) -> None:
    jobs = [every_second(f"job {number}") for number in range(3)]
    processes.start("beat", "beat#2", "worker")
    wait_until(lambda: n_runs(jobs[0]) >= 2, what="two runs")
    held_by: list[tuple[int]] = []
    with psycopg.connect(database_url(), autocommit=True) as watcher:

        def is_frozen_with_locks() -> bool:
            """Stop it again and again, until it was in the midst of a transaction."""
            processes.signal("beat", signal.SIGSTOP)
            held_by[:] = watcher.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND state = 'idle in transaction' AND query LIKE '%%executions_run%%'"
            ).fetchall()
            if not held_by:
                processes.signal("beat", signal.SIGCONT)
            return bool(held_by)

        wait_until(is_frozen_with_locks, 60, what="a beat frozen in a pass")
    n_before = n_runs(jobs[0])
    wait_until(lambda: n_runs(jobs[0]) >= n_before + 14, 40, what="more of a job that the frozen beat had")
    processes.signal("beat", signal.SIGCONT)
    assert_each_second_of(jobs, within=timedelta(seconds=14))


def nonsense_schedule(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(schedule={"kind": "cron", "cron": "every now and then", "nonsense": []})


def nonsense_policies(job: Job) -> None:
    RunSpec.objects.filter(pk=job.spec_id).update(policies=["no", "object"])


def no_instant(job: Job) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE schedules_job SET mark_at = 'infinity', next_run_at = '-infinity' WHERE id = %s", [job.pk]
        )


def refused_by_a_full_disk(job: Job) -> None:
    poison("executions_run", "job_id", job.pk)


def refused_even_to_be_put_off(job: Job) -> None:
    poison("schedules_job", "id", job.pk, on="UPDATE")


@pytest.mark.parametrize(
    "break_it",
    [nonsense_schedule, nonsense_policies, no_instant, refused_by_a_full_disk, refused_even_to_be_put_off],
)
def test_a_job_that_cannot_be_processed_is_pushed_back_and_the_others_go_on(
    processes: Processes, break_it: object
) -> None:
    processes.start("beat", "worker")
    bad, *others = [every_second(f"job {number}") for number in range(4)]
    wait_until(lambda: n_runs(bad) >= 2, what="two runs")
    try:
        break_it(bad)  # type: ignore[operator]
        n_before = n_runs(others[0])
        wait_until(lambda: n_runs(others[0]) >= n_before + 6, what="six more of another")
        assert_each_second_of(others)
        assert "job_pushed_back" in processes.log_of("beat")
    finally:
        for table in ("executions_run", "schedules_job"):
            cure(table, bad.pk)
    mended = validate(
        {"name": "mended", "target": ECHO, "payload": {"message": "x"}, "schedule": {"every": "1s"}}, datetime.now(UTC)
    )
    if break_it is no_instant:  # which Django cannot read either
        Job.objects.filter(pk=bad.pk).update(mark_at=datetime.now(UTC), next_run_at=datetime.now(UTC))
    definitions.replace(bad.pk, mended, datetime.now(UTC), actor="tests")
    n_before = n_runs(bad)
    wait_until(lambda: n_runs(bad) >= n_before + 2, what="runs of the job once it is mended")


def test_a_command_that_hangs_holds_its_own_process_and_no_more(processes: Processes) -> None:
    processes.start("beat", "worker")  # two processes
    job = every_second("fine")
    stuck = make_job(
        "stuck",
        {"kind": "none"},
        now=datetime.now(UTC),
        target={"kind": "command", "name": "demo.sleep"},
        payload={"seconds": 3600},
        policies={"timeout": "1h"},
    )
    run = run_now(stuck, datetime.now(UTC), actor="tests")
    wait_until(lambda: Run.objects.get(pk=run.pk).status == RunStatus.RUNNING, what="its start")
    n_before = n_runs(job)
    wait_until(lambda: n_runs(job) >= n_before + 6, what="six more of the other")
    assert_each_second_of([job], within=timedelta(seconds=1))
    assert Run.objects.get(pk=run.pk).status == RunStatus.RUNNING


@pytest.fixture
def unpooled(processes: Processes) -> Iterator[Processes]:
    """As beat and worker are in the Procfile."""
    running = processes.with_environment(MAINSPRING_DB_POOL="0")
    yield running
    running.kill_all()


def test_connections_that_are_terminated_again_and_again_leave_no_gap(unpooled: Processes) -> None:
    unpooled.start("beat", "worker")
    jobs = [every_second(f"job {number}") for number in range(4)]
    wait_until(lambda: n_runs(jobs[0]), what="the first run")
    ours = connection.connection.info.backend_pid
    ended: list[tuple[bool]] = []
    over = threading.Event()

    def terminate() -> None:
        with psycopg.connect(database_url(), autocommit=True) as other:
            while not over.wait(0.37):
                ended.extend(
                    other.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                        " AND backend_type = 'client backend' AND pid NOT IN (pg_backend_pid(), %s)",
                        [ours],
                    )
                )

    killer = threading.Thread(target=terminate)
    killer.start()
    try:
        wait_until(lambda: n_runs(jobs[0]) >= 12, 40, what="twelve runs")
    finally:
        over.set()
        killer.join()
    assert len(ended) > 20
    assert_each_second_of(jobs)
