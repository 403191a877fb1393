"""Proves that a job has follow-ups as long as its definition, a chain, a pause or a backfill needs them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from executions.models import Run, RunSpec, Watch
from executions.policies.overlap import Overlap
from executions.states import Origin, RunStatus
from schedules import triggers
from schedules.backfills import backfill
from schedules.backfills.backfill import start, step_once
from schedules.backfills.requests import BackfillRequest
from schedules.clock.policies.resumption import Resumption
from schedules.jobs import definitions, followups
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
    return make_job("chained", {"kind": "none"}, start_after=[{"job": str(source.pk), "on": "completion"}])


def begin(job: Job) -> Backfill:
    return start(job.pk, BackfillRequest(NOW, NOW + 2 * MINUTE, overlap=Overlap.ALLOW), LATER, actor="ann")


def close(started: Backfill, how: str, now: datetime = LATER) -> None:
    if how == "cancelled":
        backfill.cancel(started.pk, now, actor="ann")
    while step_once(now):
        pass
    started.refresh_from_db()
    assert started.state == how


def finish(now: datetime) -> None:
    for run in Run.objects.filter(status=RunStatus.QUEUED).select_related("spec"):
        end(run, now=now)
    follow_once(now, 100)


def has_followups(job: Job) -> bool:
    return Watch.objects.filter(job_id=job.pk).exists()


both = pytest.mark.parametrize("how", [BackfillState.DONE, BackfillState.CANCELLED])


@both
def test_a_chain_still_works_after_a_backfill_of_its_source(how: str) -> None:
    source = job_with()
    chained_job = after(source)
    close(begin(source), how)
    finish(LATER)
    assert not Run.objects.filter(job=chained_job).exists()
    end(make_run(source, LATER + MINUTE), now=LATER + 2 * MINUTE)
    follow_once(LATER + 2 * MINUTE, 100)
    assert Run.objects.filter(job=chained_job).count() == 1


@both
def test_a_delay_schedule_set_during_a_backfill_works_after_it(how: str) -> None:
    job = job_with()
    started = begin(job)
    data = {
        "name": "x",
        "target": ECHO,
        "payload": HELLO,
        "schedule": {"delay": "1m"},
        "policies": {"overlap": "allow"},
    }
    definitions.replace(job.pk, validate(data, LATER, job), LATER, actor="ann")
    close(started, how)
    for minute in (0, 2, 4):
        tick(LATER + minute * MINUTE, 10)
        finish(LATER + minute * MINUTE)
    assert Run.objects.filter(origin=Origin.SCHEDULE).count() == 3


@both
def test_a_policy_keeps_the_follow_ups_of_its_job(how: str) -> None:
    job = job_with(pause_after_failures=1)
    close(begin(job), how)
    assert has_followups(job)


@both
def test_a_plain_job_has_follow_ups_only_during_its_backfill(how: str) -> None:
    job = job_with()
    started = begin(job)
    assert has_followups(job)
    close(started, how)
    finish(LATER)
    assert not has_followups(job)


def test_a_job_has_follow_ups_until_its_last_backfill_is_over() -> None:
    job = job_with()
    started, other = begin(job), begin(job)
    backfill.cancel(started.pk, LATER, actor="ann")
    assert has_followups(job)
    backfill.cancel(other.pk, LATER, actor="ann")
    assert not has_followups(job)


def test_chosen_runs_of_a_pause_start_in_turn_although_a_backfill_ended() -> None:
    job = job_with(overlap="skip")
    started = begin(job)
    triggers.pause(job.pk, LATER, actor="ann")
    triggers.resume(job.pk, LATER + 3 * MINUTE, actor="ann", catch_up=Resumption.ALL)
    backfill.cancel(started.pk, LATER, actor="ann")
    tick(LATER + 3 * MINUTE, 10)
    for _ in range(3):
        finish(LATER + 4 * MINUTE)
    assert list(Run.objects.values_list("status", flat=True)) == ["succeeded"] * 3


def test_an_unreadable_job_keeps_its_follow_ups_after_a_backfill() -> None:
    job = job_with()
    started = begin(job)
    RunSpec.objects.filter(job_id=job.pk).update(policies={"overlap": "of another version"})
    close(started, BackfillState.CANCELLED)
    assert has_followups(job)


def test_a_new_rule_reaches_an_existing_job_only_by_an_update(monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_with()
    monkeypatch.setattr(followups, "are_needed_by", lambda job: True)
    data = {"name": "another name", "target": ECHO, "payload": HELLO, "policies": {"overlap": "allow"}}
    definitions.replace(job.pk, validate(data, LATER, job), LATER, actor="ann")
    assert not has_followups(job)
    followups.update([job.pk])
    assert has_followups(job)
    assert has_followups(make_job("new"))


def test_an_update_deletes_a_row_that_nothing_needs() -> None:
    job = job_with()
    Watch.objects.create(job_id=job.pk)
    followups.update([job.pk])
    assert not has_followups(job)
