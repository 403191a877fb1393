"""Proves which instants of a job's past a backfill expects, and that the ledger expects the same."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from executions.lifecycle import transitions
from executions.models import Run
from schedules.backfills.backfill import preview
from schedules.backfills.expected import expected_instants
from schedules.backfills.requests import BackfillRequest
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from schedules.ledger import account
from schedules.models import BackfillMode, Job, JobState, ScheduleSpan
from schedules.tick import tick
from tests.factories import ECHO, NOW, make_job

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def at(minute: float) -> datetime:
    return NOW + minute * MINUTE


def limited(max_runs: int, **policies: Any) -> Job:
    """A job that reached `max_runs` in a pass at minute 10."""
    schedule = {"cron": "* * * * *", "max_runs": max_runs}
    job = make_job(schedule=schedule, policies={"overlap": "allow", "catch_up": {"mode": "all"}, **policies})
    tick(at(10), 10)
    job.refresh_from_db()
    assert job.state == JobState.ENDED
    return job


def named(job: Job, after: float = 0, until: float = 10) -> list[float]:
    return [(instant - NOW) / MINUTE for instant in expected_instants(job, at(after), at(until))]


def would_start(job: Job, mode: BackfillMode) -> int:
    return preview(job, BackfillRequest(at(0), at(10), mode), at(10)).n_would_start


def test_no_instant_is_expected_after_the_last_start_of_max_runs() -> None:
    job = limited(2)
    assert named(job) == [1, 2]
    assert [would_start(job, mode) for mode in (BackfillMode.GAPS, BackfillMode.MISSING)] == [0, 0]


def test_a_missing_row_before_the_last_start_is_a_gap() -> None:
    job = limited(3)
    Run.objects.filter(nominal_at=at(2)).delete()
    assert account.gaps(job.pk, at(0), at(10), at(10), 10) == [at(2)]
    assert would_start(job, BackfillMode.GAPS) == 1


def test_a_last_start_that_expired_counts_as_the_last_start() -> None:
    job = limited(1, start_deadline="10m")
    assert transitions.expire(at(20), 10) == 1
    assert (named(job), would_start(job, BackfillMode.MISSING)) == ([1], 1)


def test_no_instant_is_expected_after_the_mark_if_the_rows_were_pruned() -> None:
    job = limited(2)
    Run.objects.all().delete()
    assert named(job, until=60) == list(range(1, 11))


def test_instants_from_before_the_job_follow_its_first_schedule() -> None:
    job = make_job(schedule={"cron": "*/2 * * * *"})
    assert named(job, -5, 5) == [-4, -2, 0, 2, 4]
    ScheduleSpan.objects.all().delete()
    assert named(job, -5, 5) == [-4, -2, 0, 2, 4]


def test_an_instant_that_two_schedules_name_is_expected_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "MAX_SPANS_PER_QUERY", 2)
    job = make_job(schedule={"cron": "*/2 * * * *"})
    for n, minute in enumerate((3, 6, 9), start=3):
        definitions.replace(
            job.pk,
            validate({"name": "x", "target": ECHO, "schedule": {"cron": f"*/{n} * * * *"}}, NOW),
            at(minute + 0.5),
            actor="ann",
        )
    job.refresh_from_db()
    assert named(job, until=20) == [2, 6, 8, 10, 15, 20]
    ScheduleSpan.objects.filter(schedule__cron="*/2 * * * *").update(until_at=at(6.5))
    assert named(job, until=20) == [2, 4, 6, 8, 10, 15, 20]
