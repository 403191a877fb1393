"""Proves that the next occurrence of a delay schedule follows the end of the run before it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from executions import runs
from executions.models import Run
from executions.states import RunStatus
from executions.targets.base import Failed
from schedules import triggers
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from schedules.models import Job, JobState
from schedules.passes.follow_ups import follow_once
from schedules.tick import tick
from tests.factories import ECHO, HELLO, NOW, end, make_job
from tests.staff import page_of, signed_in

if TYPE_CHECKING:
    from django.contrib.auth.models import User

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def at(minute: float) -> datetime:
    return NOW + minute * MINUTE


def delayed(schedule: dict[str, Any] | None = None, **policies: Any) -> Job:
    return make_job(schedule={"delay": "5m"} | (schedule or {}), policies={"retry": {"max_retries": 0}, **policies})


def beat(minute: float) -> list[str]:
    """Do what a beat does at a minute; return what became of each occurrence so far."""
    follow_once(at(minute), 100)
    tick(at(minute), 100)
    return [f"{run.nominal_at:%H:%M} {run.status} {run.reason}".strip() for run in Run.objects.order_by("nominal_at")]


def latest() -> Run:
    return Run.objects.select_related("spec").latest("nominal_at")


def again(job: Job) -> Job:
    return Job.objects.select_related("spec").get(pk=job.pk)


def test_the_next_occurrence_is_due_one_delay_after_the_end_of_the_run() -> None:
    job = delayed()
    assert beat(0) == ["12:00 queued"]
    assert (again(job).state, again(job).next_run_at, again(job).waits_for_run) == (JobState.ACTIVE, None, True)
    assert beat(60) == ["12:00 queued"]
    end(latest(), now=at(61))
    assert beat(62) == ["12:00 succeeded"]
    assert (again(job).next_run_at, again(job).waits_for_run) == (at(66), False)
    assert beat(66) == ["12:00 succeeded", "13:06 queued"]


def test_the_delay_also_counts_from_the_end_of_a_failed_or_cancelled_run() -> None:
    job = delayed()
    beat(0)
    end(latest(), Failed("no", "x"), now=at(1))
    beat(6)
    runs.cancel(latest(), at(7), actor="tests")
    beat(7)
    assert again(job).next_run_at == at(12)


def test_the_end_of_a_run_by_hand_does_not_set_the_next_occurrence() -> None:
    job = delayed(overlap="allow")
    beat(0)
    by_hand = triggers.run_now(again(job), at(1), actor="tests")
    end(by_hand, now=at(2))
    beat(3)
    assert again(job).waits_for_run


def test_after_a_skipped_occurrence_the_delay_counts_from_the_decision() -> None:
    job = delayed()
    triggers.run_now(job, at(0), actor="tests")
    tick(at(1), 10)
    assert again(job).next_run_at == at(6)
    assert Run.objects.get(origin="schedule").reason == "overlap"


def test_a_missed_occurrence_follows_the_catch_up_policy() -> None:
    job = delayed(catch_up={"mode": "skip"})
    assert beat(30) == ["12:00 skipped missed"]
    assert again(job).next_run_at == at(35)


def test_max_runs_and_end_at_end_the_job() -> None:
    counted, bounded = delayed({"max_runs": 1}), delayed({"end_at": "2026-11-20T12:06:00Z"})
    tick(at(0), 10)
    assert again(counted).state == JobState.ENDED
    end(Run.objects.select_related("spec").get(job=bounded), now=at(2))
    beat(2)
    assert (again(bounded).state, again(bounded).next_run_at) == (JobState.ENDED, None)


def test_start_at_in_the_future_is_the_first_instant() -> None:
    job = delayed({"start_at": "2026-11-20T13:00:00Z"})
    assert job.next_run_at == at(60)
    assert beat(60) == ["13:00 queued"]


def test_an_end_during_a_pause_sets_the_next_occurrence_but_starts_nothing() -> None:
    job = delayed()
    beat(0)
    triggers.pause(job.pk, at(1), actor="tests")
    end(latest(), now=at(2))
    assert beat(10) == ["12:00 succeeded"]
    assert again(job).state == JobState.PAUSED
    triggers.resume(job.pk, at(10), actor="tests")
    assert again(job).next_fire_at == at(15)
    assert beat(10) == ["12:00 succeeded", "12:07 skipped paused"]
    assert again(job).next_run_at == at(15)


def test_a_job_resumed_while_its_run_is_live_still_waits_for_the_end() -> None:
    job = delayed()
    beat(0)
    triggers.pause(job.pk, at(1), actor="tests")
    triggers.resume(job.pk, at(2), actor="tests")
    assert again(job).waits_for_run
    end(latest(), now=at(3))
    beat(3)
    assert again(job).next_run_at == at(8)


def test_a_job_resumed_after_its_run_was_deleted_has_a_next_occurrence() -> None:
    job = delayed()
    beat(0)
    triggers.pause(job.pk, at(1), actor="tests")
    Run.objects.all().delete()
    triggers.resume(job.pk, at(2), actor="tests")
    assert again(job).next_run_at == at(7)


def change(job: Job, schedule: dict[str, Any], now: datetime) -> Job:
    policies = job.spec.policies
    data = {"name": "greeting", "schedule": schedule, "target": ECHO, "payload": HELLO, "policies": policies}
    definitions.replace(job.pk, validate(data, now, job), now, actor="tests")
    return again(job)


def test_changing_the_delay_starts_no_run() -> None:
    job = delayed()
    beat(0)
    assert change(job, {"delay": "10m"}, at(1)).waits_for_run
    end(latest(), now=at(2))
    beat(2)
    assert again(job).next_run_at == at(12)
    assert change(again(job), {"delay": "1m"}, at(3)).next_run_at == at(4)
    assert Run.objects.filter(status=RunStatus.QUEUED).count() == 0


def test_the_end_of_a_run_from_before_an_edit_does_not_count_while_another_is_live() -> None:
    job = delayed(overlap="allow")
    beat(0)
    before = latest()
    change(change(job, {"cron": "0 0 1 1 *"}, at(1)), {"delay": "5m"}, at(2))
    assert beat(2) == ["12:00 queued", "12:02 queued"]
    end(before, now=at(3))
    beat(3)
    assert again(job).waits_for_run
    end(latest(), now=at(4))
    beat(4)
    assert again(job).next_run_at == at(9)


def test_a_pause_after_failures_lasts_if_the_scheduled_run_ends_in_the_same_pass() -> None:
    job = delayed(overlap="allow", pause_after_failures=1)
    beat(0)
    scheduled = latest()
    end(triggers.run_now(again(job), at(0.5), actor="tests"), Failed("no", "x"), now=at(0.6))
    end(scheduled, now=at(0.8))
    beat(1)
    assert (again(job).state, again(job).next_run_at) == (JobState.PAUSED, at(5.8))


def test_the_page_and_the_list_say_that_the_job_waits_for_its_run(admin_user: User) -> None:
    admin, job = signed_in(admin_user), delayed()
    beat(0)
    for page in (f"/admin/schedules/job/{job.pk}/", "/admin/schedules/job/"):
        assert "after the live run has ended" in page_of(admin.get(page))
    assert "starts after the live run has ended" in page_of(admin.get(f"/admin/schedules/job/{job.pk}/"))
