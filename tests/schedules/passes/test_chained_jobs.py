"""Proves that a chained job is skipped as paused if the other run ended during the latest pause of the chained job."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from executions.models import Run
from schedules import triggers
from schedules.passes.follow_ups import follow_once
from schedules.pauses import resuming
from schedules.pauses.terms import PauseTerms
from tests.factories import NOW, end, make_job, make_run

if TYPE_CHECKING:
    from datetime import datetime

    from schedules.models import Job

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
BY_HAND = {"kind": "none"}


def source() -> Job:
    return make_job("source", BY_HAND)


def chained(after: Job, **definition: Any) -> Job:
    return make_job("chained", BY_HAND, start_after=[{"job": str(after.pk)}], **definition)


def follow(now: datetime = NOW + MINUTE) -> None:
    follow_once(now, 100)


def started(job: Job) -> list[str]:
    found = Run.objects.filter(job=job).order_by("nominal_at")
    return [f"{run.origin} {run.status} {run.reason}".strip() for run in found]


def test_a_chained_job_is_skipped_if_it_was_paused_before_the_end_of_the_run() -> None:
    first = source()
    chained_job = chained(first, policies={"overlap": "allow"})
    triggers.pause(chained_job.pk, NOW, actor="ann")
    ended = end(make_run(first))
    follow()
    assert (started(chained_job), Run.objects.get(job=chained_job).caused_by) == (["chain skipped paused"], ended.pk)
    triggers.resume(chained_job.pk, NOW + MINUTE, actor="ann")
    end(make_run(first, NOW + 2 * MINUTE))
    triggers.pause(chained_job.pk, NOW + 3 * MINUTE, actor="ann")
    follow(NOW + 3 * MINUTE)
    assert started(chained_job) == ["chain skipped paused", "chain queued"]


@pytest.mark.parametrize(
    ("ended", "expected"),
    [(1, "queued"), (2, "queued"), (3, "skipped paused"), (4, "skipped paused"), (5, "queued")],
)
@pytest.mark.parametrize("resumed_by", ["a person", "the end of the pause", "nobody yet"])
def test_a_late_follow_up_knows_whether_the_job_was_paused(resumed_by: str, ended: int, expected: str) -> None:
    first = source()
    chained_job = chained(first)
    end(make_run(first, NOW), now=NOW + ended * MINUTE)
    terms = PauseTerms(until=None if resumed_by == "a person" else NOW + 4 * MINUTE)
    triggers.pause(chained_job.pk, NOW + 2 * MINUTE, actor="ann", terms=terms)
    if resumed_by == "a person":
        triggers.resume(chained_job.pk, NOW + 4 * MINUTE, actor="ann")
    elif resumed_by == "the end of the pause":
        resuming.end_expired(NOW + 6 * MINUTE, 10)
    follow(NOW + 6 * MINUTE)
    assert started(chained_job) == [f"chain {expected}"]
