"""Proves which jobs count as failed in a row, and that finding them reads few runs on a day with many."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from executions import runs
from executions.history import jobs_failed_in_a_row, queries
from executions.lifecycle.types import NewRun
from executions.models import Run
from tests.executions.prepared_days import prepare
from tests.executions.query_plans import most_read
from tests.factories import NOW, make_job, make_run, make_skipped

if TYPE_CHECKING:
    from schedules.models import Job

pytestmark = pytest.mark.django_db

NEW_DAY = datetime(2031, 5, 7, 12, tzinfo=UTC)


def at(minute: float) -> datetime:
    return NOW + timedelta(minutes=minute)


def ended(job: Job, *statuses: str) -> None:
    """Runs of a job, one a minute from minute 1 on."""
    for minute, status in enumerate(statuses, start=1):
        run = make_run(job, at(minute))
        Run.objects.filter(pk=run.pk).update(status=status, finished_at=at(minute))


@pytest.mark.parametrize(
    ("statuses", "n_runs", "after", "has_failed"),
    [
        (["failed", "failed"], 2, None, True),
        (["failed"], 2, None, False),
        (["succeeded", "failed", "failed"], 2, None, True),
        (["failed", "succeeded", "failed"], 2, None, False),
        (["failed", "cancelled", "failed"], 2, None, True),
        (["failed", "failed", "failed"], 2, at(1), True),
        (["failed", "failed", "failed"], 2, at(2), False),
    ],
)
def test_the_latest_runs_that_succeeded_or_failed_decide(
    statuses: list[str], n_runs: int, after: datetime | None, has_failed: bool
) -> None:
    job, other = make_job("asked"), make_job("other")
    ended(job, *statuses)
    ended(other, *["failed"] * 5)
    make_skipped(job, at(10))
    make_run(job, at(11))
    assert jobs_failed_in_a_row({job.pk: (n_runs, after)}) == ({job.pk} if has_failed else set())


def test_each_job_has_its_own_number_of_runs() -> None:
    first, second = make_job("first"), make_job("second")
    ended(first, "succeeded", "failed")
    ended(second, "succeeded", "failed")
    assert jobs_failed_in_a_row({first.pk: (1, None), second.pk: (2, None)}) == {first.pk}
    assert jobs_failed_in_a_row({}) == set()


@pytest.mark.long
def test_failures_in_a_row_are_found_by_reading_few_runs_on_a_new_day() -> None:
    prepare(NEW_DAY)
    job, busy = make_job("asked"), make_job("busy")
    new = NewRun(scope_id=busy.scope_id, job_id=busy.pk, spec_id=busy.spec_id, nominal_at=NEW_DAY)
    many = [replace(new, nominal_at=NEW_DAY + timedelta(microseconds=number)) for number in range(20_000)]
    runs.open_scheduled(many, NEW_DAY, published=True)
    make_run(job, NEW_DAY)
    Run.objects.update(status="failed", finished_at=NEW_DAY)
    values: dict[str, Any] = {"job_id": [job.pk, busy.pk], "n_runs": [3, 3], "after": "{-infinity,-infinity}"}
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {queries.FAILED_IN_A_ROW}", values)
        ((plan,),) = cursor.fetchall()
    plan = json.loads(plan) if isinstance(plan, str) else plan
    assert most_read(plan[0]["Plan"]) <= 20, json.dumps(plan, indent=1)
