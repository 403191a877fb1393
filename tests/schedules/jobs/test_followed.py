"""Which jobs are watched, so that something follows when their runs end: all through backfills and after them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from executions.models import Run, RunSpec, Watch
from executions.policies.overlap import Overlap
from executions.states import Origin, RunStatus
from schedules import triggers
from schedules.backfills import backfill
from schedules.backfills.backfill import BackfillRequest, start, step_once
from schedules.clock.policies.resumption import Resumption
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from schedules.models import Backfill, BackfillState, Job
from schedules.passes.follow_ups import follow_once
from schedules.tick import tick
from tests.factories import ECHO, HELLO, NOW, end, make_job, make_run

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
LATER = NOW + timedelta(hours=1)


def job_with(**policies: Any) -> Job:
    job = make_job("source", policies={"overlap": "allow", "retry": {"max_retries": 0}, **policies})
    Job.objects.filter(pk=job.pk).update(mark_at=LATER, next_run_at=LATER + MINUTE)
    return Job.objects.get(pk=job.pk)


def after(source: Job) -> Job:
    return make_job("follower", {"kind": "none"}, start_after=[{"job": str(source.pk), "on": "completion"}])


def begin(job: Job) -> Backfill:
    return start(job.pk, BackfillRequest(NOW, NOW + 2 * MINUTE, overlap=Overlap.ALLOW), LATER, actor="ann")


def close(made: Backfill, how: str, now: datetime = LATER) -> None:
    if how == "cancelled":
        backfill.cancel(made.pk, now, actor="ann")
    while step_once(now):
        pass
    made.refresh_from_db()
    assert made.state == how


def finish(now: datetime) -> None:
    for run in Run.objects.filter(status=RunStatus.QUEUED).select_related("spec"):
        end(run, now=now)
    follow_once(now, 100)


def is_watched(job: Job) -> bool:
    return Watch.objects.filter(job_id=job.pk).exists()


both = pytest.mark.parametrize("how", [BackfillState.DONE, BackfillState.CANCELLED])


@both
def test_a_chain_goes_on_after_a_backfill_of_the_job_that_it_starts_after(how: str) -> None:
    source = job_with()
    follower = after(source)
    close(begin(source), how)
    finish(LATER)
    assert not Run.objects.filter(job=follower).exists()
    end(make_run(source, LATER + MINUTE), now=LATER + 2 * MINUTE)
    follow_once(LATER + 2 * MINUTE, 100)
    assert Run.objects.filter(job=follower).count() == 1


@both
def test_a_job_that_was_given_a_delay_during_its_backfill_goes_on_after_it(how: str) -> None:
    job = job_with()
    made = begin(job)
    data = {
        "name": "x",
        "target": ECHO,
        "payload": HELLO,
        "schedule": {"delay": "1m"},
        "policies": {"overlap": "allow"},
    }
    definitions.replace(job.pk, validate(data, LATER, job), LATER, actor="ann")
    close(made, how)
    for minute in (0, 2, 4):
        tick(LATER + minute * MINUTE, 10)
        finish(LATER + minute * MINUTE)
    assert Run.objects.filter(origin=Origin.SCHEDULE).count() == 3


@both
def test_a_policy_keeps_its_job_watched(how: str) -> None:
    job = job_with(pause_after_failures=1)
    close(begin(job), how)
    assert is_watched(job)


@both
def test_a_job_of_whose_ends_nothing_follows_is_watched_no_longer_than_its_backfill(how: str) -> None:
    job = job_with()
    made = begin(job)
    assert is_watched(job)
    close(made, how)
    finish(LATER)
    assert not is_watched(job)


def test_a_job_is_watched_until_its_last_backfill_is_over() -> None:
    job = job_with()
    made, other = begin(job), begin(job)
    backfill.cancel(made.pk, LATER, actor="ann")
    assert is_watched(job)
    backfill.cancel(other.pk, LATER, actor="ann")
    assert not is_watched(job)


def test_what_starts_of_a_pause_waits_for_each_other_though_a_backfill_ends_before_it_is_opened() -> None:
    job = job_with(overlap="skip")
    made = begin(job)
    triggers.pause(job.pk, LATER, actor="ann")
    triggers.resume(job.pk, LATER + 3 * MINUTE, actor="ann", catch_up=Resumption.ALL)
    backfill.cancel(made.pk, LATER, actor="ann")
    tick(LATER + 3 * MINUTE, 10)
    for _ in range(3):
        finish(LATER + 4 * MINUTE)
    assert list(Run.objects.values_list("status", flat=True)) == ["succeeded"] * 3


def test_a_backfill_of_a_job_of_another_version_can_be_cancelled_and_leaves_it_watched() -> None:
    job = job_with()
    made = begin(job)
    RunSpec.objects.filter(job_id=job.pk).update(policies={"overlap": "of another version"})
    close(made, BackfillState.CANCELLED)
    assert is_watched(job)
