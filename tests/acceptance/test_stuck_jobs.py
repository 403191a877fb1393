"""A job that is locked, unreadable, refused by the database or hanging leaves no gap in the other jobs."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.db import connection

from executions.lifecycle.transitions import cancel
from executions.models import Run, RunSpec
from executions.states import RunStatus
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from schedules.models import Job
from schedules.triggers import pause, run_now
from tests.acceptance.every_second import assert_each_second_of, every_second, n_runs
from tests.acceptance.fixtures import shared_processes
from tests.acceptance.processes import database_url
from tests.factories import ECHO, make_job
from tests.poison import cure, poison
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.acceptance.processes import Processes

pytestmark = pytest.mark.long

processes = shared_processes("beat", "worker")

SECOND = timedelta(seconds=1)


@contextmanager
def held(statement: str, key: object) -> Iterator[None]:
    """Hold a row lock in a transaction that stays open until the block ends."""
    with psycopg.connect(database_url()) as other:
        other.execute(statement, [key])
        yield
        other.rollback()


def test_a_job_with_a_locked_row_catches_up_and_the_others_are_on_time(processes: Processes) -> None:
    processes.skip_logs()
    locked, *others = jobs = [every_second(f"job {number}") for number in range(4)]
    wait_until(lambda: n_runs(locked) >= 2, what="two runs")
    with held("SELECT 1 FROM schedules_job WHERE id = %s FOR UPDATE", locked.pk):
        n_before = n_runs(others[0])
        wait_until(lambda: n_runs(others[0]) >= n_before + 6, what="six more of another")
    n_locked = n_runs(locked)
    wait_until(lambda: n_runs(locked) >= n_locked + 7, what="the missed runs of the locked job")
    assert_each_second_of(others, within=timedelta(seconds=1))
    assert_each_second_of(jobs[:1], within=timedelta(seconds=9))
    assert not processes.tracebacks()


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


def refused_even_to_be_pushed_back(job: Job) -> None:
    poison("schedules_job", "id", job.pk, on="UPDATE")


@pytest.mark.parametrize(
    "break_it",
    [nonsense_schedule, nonsense_policies, no_instant, refused_by_a_full_disk, refused_even_to_be_pushed_back],
)
def test_a_job_that_cannot_be_processed_is_pushed_back_and_the_others_are_on_time(
    processes: Processes, break_it: Callable[[Job], None]
) -> None:
    processes.skip_logs()
    bad, *others = [every_second(f"job {number}") for number in range(4)]
    wait_until(lambda: n_runs(bad) >= 2, what="two runs")
    try:
        break_it(bad)
        n_before = n_runs(others[0])
        wait_until(lambda: n_runs(others[0]) >= n_before + 6, what="six more of another")
        assert_each_second_of(others)
        assert "job_pushed_back" in processes.log_of("beat")
    finally:
        for table in ("executions_run", "schedules_job"):
            cure(table, bad.pk)
    repaired = validate(
        {"name": "repaired", "target": ECHO, "payload": {"message": "x"}, "schedule": {"every": "1s"}},
        datetime.now(UTC),
    )
    if break_it is no_instant:  # which Django cannot read either
        Job.objects.filter(pk=bad.pk).update(mark_at=datetime.now(UTC), next_run_at=datetime.now(UTC))
    definitions.replace(bad.pk, repaired, datetime.now(UTC), actor="tests")
    n_before = n_runs(bad)
    wait_until(lambda: n_runs(bad) >= n_before + 2, what="runs of the repaired job")
    pause(bad.pk, datetime.now(UTC), actor="tests")


def test_a_command_that_hangs_blocks_one_process_and_no_more() -> None:
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
    cancel(run.pk, datetime.now(UTC), actor="tests")  # which gives the worker its process back
    wait_until(lambda: Run.objects.get(pk=run.pk).is_terminal, what="the end of the hanging command")
