"""Proves that a job whose rows the database refuses, or that is unreadable, delays no other job."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from structlog.testing import capture_logs

from executions.models import Run
from schedules import queries
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from schedules.models import Job
from schedules.tick import tick
from tests.factories import ECHO, NOW, make_job
from tests.poison import cure, poison

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
ALLOW = {"overlap": "allow"}


def jobs_with_a_bad_one(n: int, place: int) -> tuple[Job, list[Job]]:
    jobs = [make_job(f"job {number}", policies=ALLOW) for number in range(n)]
    return jobs.pop(place), jobs


def occurrences_of(jobs: list[Job]) -> set[object]:
    return set(Run.objects.filter(job__in=jobs).values_list("job_id", flat=True))


@pytest.mark.long
@pytest.mark.parametrize("sqlstate", ["53100", "23514", "XX000", "40P01"])
@pytest.mark.parametrize("place", [0, 4, 8])
def test_only_the_job_that_makes_a_pass_fail_is_pushed_back(place: int, sqlstate: str) -> None:
    bad, others = jobs_with_a_bad_one(9, place)
    poison("executions_run", "job_id", bad.pk, sqlstate=sqlstate)
    with capture_logs() as logs:
        ticked = tick(NOW + MINUTE, 10)
    assert (ticked.n_jobs, ticked.n_broken) == (9, 1)
    assert occurrences_of(others) == {job.pk for job in others}
    bad.refresh_from_db()
    assert (bad.mark_at, bad.next_run_at) == (NOW, NOW + 2 * MINUTE)
    assert [(line["event"], line["name"]) for line in logs if line["log_level"] == "error"] == [
        ("job_pushed_back", bad.name)
    ]
    cure("executions_run", bad.pk)
    tick(NOW + 2 * MINUTE, 10)
    assert Run.objects.filter(job=bad).count() == 2, "the missed occurrence is caught up with"


def test_when_no_job_can_be_written_none_is_pushed_back() -> None:
    jobs = [make_job(f"job {number}", policies=ALLOW) for number in range(5)]
    for job in jobs:
        poison("executions_run", "job_id", job.pk)
    with capture_logs() as logs:
        assert tick(NOW + MINUTE, 10).n_broken == 5
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["pass_failed"]
    for job in jobs:
        cure("executions_run", job.pk)
    tick(NOW + MINUTE + timedelta(seconds=1), 10)
    assert occurrences_of(jobs) == {job.pk for job in jobs}


def test_the_runs_of_the_other_jobs_are_published_at_once() -> None:
    bad, _others = jobs_with_a_bad_one(3, 1)
    poison("executions_run", "job_id", bad.pk)
    assert tick(NOW + MINUTE, 10).more, "the next pass, which publishes them, follows at once"
    assert set(Run.objects.values_list("dispatch_at", flat=True)) == {NOW + MINUTE}


def test_a_job_that_cannot_even_be_pushed_back_delays_no_other_job() -> None:
    bad, others = jobs_with_a_bad_one(5, 0)
    poison("schedules_job", "id", bad.pk, on="UPDATE")
    assert tick(NOW + MINUTE, 10).n_broken == 1
    assert not tick(NOW + MINUTE, 10).more, "the beat must not spin"
    assert occurrences_of(others) == {job.pk for job in others}
    tick(NOW + 2 * MINUTE, 10)
    assert Run.objects.filter(job__in=others).count() == 8


def test_a_job_with_an_infinite_mark_delays_no_other_job() -> None:
    bad, others = jobs_with_a_bad_one(5, 2)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE schedules_job SET mark_at = 'infinity' WHERE id = %s", [bad.pk])
    assert tick(NOW + MINUTE, 10).n_broken == 1
    assert occurrences_of(others) == {job.pk for job in others}


def test_a_job_that_cannot_be_settled_can_be_edited() -> None:
    bad = make_job()
    poison("executions_run", "job_id", bad.pk)
    repaired = validate(
        {"name": "repaired", "target": ECHO, "schedule": {"every": "1h"}, "payload": {"message": "x"}}, NOW
    )
    definitions.replace(bad.pk, repaired, NOW + MINUTE, actor="tests")
    bad.refresh_from_db()
    assert (bad.name, bad.next_run_at) == ("repaired", NOW + MINUTE + timedelta(hours=1))


def test_a_job_that_was_pushed_back_is_settled_before_it_is_edited() -> None:
    bad = make_job(policies=ALLOW)
    poison("executions_run", "job_id", bad.pk)
    tick(NOW + MINUTE, 10)
    cure("executions_run", bad.pk)
    repaired = validate(
        {"name": "repaired", "target": ECHO, "schedule": {"every": "1h"}, "payload": {"message": "x"}}, NOW
    )
    definitions.replace(bad.pk, repaired, NOW + MINUTE * 1.5, actor="tests")
    assert [run.nominal_at for run in Run.objects.all()] == [NOW + MINUTE]


def test_an_infinite_next_instant_does_not_break_the_query_for_due_work(now: datetime) -> None:
    bad, others = jobs_with_a_bad_one(2, 0)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE schedules_job SET next_run_at = '-infinity' WHERE id = %s", [bad.pk])
    assert queries.next_at().tick < now
    tick(now + MINUTE, 10)
    assert occurrences_of([bad, *others]) == {job.pk for job in others}
    tick(now + 2 * MINUTE, 10)
    assert Run.objects.filter(job=bad).count() == 2, "the missed occurrence is caught up with"
    assert queries.next_at().tick == now + 3 * MINUTE


def test_a_job_whose_stored_schedule_is_unreadable_can_be_edited() -> None:
    bad = make_job()
    Job.objects.filter(pk=bad.pk).update(schedule={"kind": "cron", "cron": "nonsense"})
    bad.refresh_from_db()
    data = {"name": "repaired", "target": ECHO, "schedule": {"every": "1h"}, "payload": {"message": "x"}}
    definitions.replace(bad.pk, validate(data, NOW, bad), NOW + MINUTE, actor="tests")
    bad.refresh_from_db()
    assert bad.next_run_at == NOW + MINUTE + timedelta(hours=1)
