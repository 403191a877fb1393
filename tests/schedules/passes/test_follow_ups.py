"""Proves what happens after runs have ended: held runs start, failing jobs are paused, and faults stay isolated."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, connections, transaction

from executions import runs
from executions.lifecycle import transitions
from executions.models import Attempt, Followup, Run, RunEvent, Watch
from executions.states import Origin, Reason
from executions.targets.base import Failed
from schedules import triggers
from schedules.backfills import backfill
from schedules.backfills.requests import BackfillRequest
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from schedules.models import Backfill, Job
from schedules.passes.follow_ups import follow_once
from schedules.tick import tick
from tests.factories import NOW, claim, end, make_job, make_run
from tests.poison import cure, poison
from values.ids import uuid7

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def at(minute: int) -> datetime:
    return NOW + minute * MINUTE


def fire(minute: int) -> str:
    """Do what a beat does at a minute; return the status of that minute's occurrence, with the reason."""
    follow_once(at(minute), 100)
    tick(at(minute), 100)
    follow_once(at(minute), 100)
    return show(minute)


def show(minute: int) -> str:
    run = Run.objects.get(nominal_at=at(minute))
    return f"{run.status} {run.reason}".strip()


def of(minute: int) -> Run:
    return Run.objects.select_related("spec").get(nominal_at=at(minute))


def overlapping(policy: str, **policies: Any) -> Job:
    return make_job(policies={"overlap": policy, "retry": {"max_retries": 0}, **policies})


def test_buffer_one_holds_one_run_and_starts_it_when_the_other_has_ended() -> None:
    overlapping("buffer_one")
    assert [fire(minute) for minute in (1, 2, 3)] == ["queued", "held", "skipped overlap"]
    end(of(1), now=at(3))
    assert [fire(4), show(2)] == ["held", "queued"]


def test_buffer_all_starts_held_runs_one_after_the_other() -> None:
    overlapping("buffer_all")
    assert [fire(minute) for minute in (1, 2, 3)] == ["queued", "held", "held"]
    for minute in (1, 2):
        end(of(minute), now=at(3))
        follow_once(at(4), 100)
    assert [show(minute) for minute in (1, 2, 3)] == ["succeeded", "succeeded", "queued"]


def test_cancel_other_waits_until_the_running_run_has_stopped() -> None:
    overlapping("cancel_other")
    assert fire(1) == "queued"
    claimed = claim(of(1))
    assert [fire(2), show(1)] == ["held", "running"]
    assert of(1).cancel_requested_at == at(2)
    assert [fire(3), show(2)] == ["held", "cancelled"]
    assert RunEvent.objects.filter(run=of(1), kind="cancel_requested").count() == 1
    Run.objects.filter(pk=claimed.run_id).update(status="queued", claim_no=0, n_attempts=0)
    end(of(1), now=at(4))
    follow_once(at(4), 100)
    assert show(3) == "queued"


def test_cancel_other_does_not_wait_for_a_run_that_has_not_started() -> None:
    overlapping("cancel_other")
    assert [fire(1), fire(2), show(1)] == ["queued", "queued", "cancelled"]
    assert RunEvent.objects.filter(run=of(1)).values_list("kind", "reason").last() == ("cancelled", "overlap")


def test_terminate_other_ends_the_running_run_and_starts_at_once() -> None:
    overlapping("terminate_other")
    assert fire(1) == "queued"
    claimed = claim(of(1))
    assert [fire(2), show(1)] == ["queued", "cancelled"]
    attempt = Attempt.objects.get(run=of(1))
    assert (attempt.status, attempt.error_code, attempt.claim_no) == ("cancelled", "terminated", claimed.claim_no)
    assert of(1).error_code == "terminated"
    assert not runs.live_runs([of(1).job_id])[of(1).job_id].n_held


@pytest.mark.parametrize(
    ("policy", "shown"),
    [
        ("skip", ["queued", "skipped overlap", "skipped overlap"]),
        ("buffer_one", ["queued", "held", "skipped overlap"]),
        ("buffer_all", ["queued", "held", "held"]),
        ("cancel_other", ["skipped overlap", "skipped overlap", "queued"]),
        ("terminate_other", ["skipped overlap", "skipped overlap", "queued"]),
        ("allow", ["queued", "queued", "queued"]),
    ],
)
def test_each_overlap_policy_applies_to_several_occurrences_of_one_pass(policy: str, shown: list[str]) -> None:
    overlapping(policy, catch_up={"mode": "all"})
    fire(3)
    assert [show(minute) for minute in (1, 2, 3)] == shown
    assert Job.objects.get().n_scheduled == sum("skipped" not in text for text in shown)


def test_only_jobs_that_need_follow_ups_are_marked_for_them() -> None:
    job = overlapping("buffer_one")
    assert list(Watch.objects.values_list("job_id", flat=True)) == [job.pk]
    from_form = {"name": job.name, "target": job.spec.target, "payload": {"message": "hello"}, "schedule": job.schedule}
    definitions.replace(job.pk, validate(from_form, NOW), NOW, actor="ann")
    assert not Watch.objects.exists()


def test_a_job_is_paused_after_failures_in_a_row_counted_since_its_last_resume() -> None:
    job = overlapping("allow", pause_after_failures=2)
    for minute, outcome in ((1, Failed("x", "x")), (2, None), (3, Failed("x", "x"))):
        fire(minute)
        end(of(minute), outcome, now=at(minute))
        follow_once(at(minute), 100)
        assert Job.objects.get().state == "active"
    fire(4)
    end(of(4), Failed("x", "x"), now=at(4))
    follow_once(at(4), 100)
    job.refresh_from_db()
    assert (job.state, job.pause_reason) == ("paused", "The job's last 2 runs failed.")
    triggers.resume(job.pk, at(5), actor="ann")
    fire(6)
    assert show(5) == f"skipped {Reason.PAUSED}"
    end(of(6), Failed("x", "x"), now=at(6))
    follow_once(at(6), 100)
    assert Job.objects.get().state == "active"


def chained(**policies: Any) -> tuple[Job, Job]:
    """Return a job, and a second one that starts after every end of its runs."""
    job = overlapping("allow", **policies)
    return job, make_job("follower", {"kind": "none"}, start_after=[{"job": str(job.pk), "on": "completion"}])


def test_backfilled_runs_start_no_chained_job_but_their_retries_by_hand_do() -> None:
    job, follower = chained()
    backfill_id = uuid7(NOW)
    once = end(make_run(job, at(1), origin=Origin.BACKFILL, backfill_id=backfill_id))
    end(make_run(job, at(2), origin=Origin.RETRY, retry_of=once.pk, backfill_id=backfill_id))
    by_hand = end(runs.retry(once, at(3), actor="ann"))
    follow_once(at(4), 100)
    assert list(Run.objects.filter(job=follower).values_list("caused_by", flat=True)) == [by_hand.pk]
    assert not Followup.objects.exists()


def test_an_expired_run_starts_no_chained_job() -> None:
    job, follower = chained(start_deadline="1s")
    make_run(job, at(1), expires_at=at(1))
    assert transitions.expire(at(1), 10) == 1
    assert Followup.objects.count() == 1
    follow_once(at(2), 100)
    assert (Run.objects.filter(job=follower).count(), Followup.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_the_follow_up_of_a_locked_job_is_handled_later() -> None:
    overlapping("buffer_one", pause_after_failures=1)
    fire(1)
    end(of(1), Failed("x", "x"), now=at(1))
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT FROM schedules_job FOR UPDATE")
        assert follow_once(at(1), 100).n_followups == 1
        assert (Job.objects.get().state, Followup.objects.get().due_at > at(1)) == ("active", True)
        other.rollback()
    finally:
        other.close()
    follow_once(at(2), 100)
    assert (Job.objects.get().state, Followup.objects.count()) == ("paused", 0)
    assert connection.in_atomic_block is False


@pytest.mark.long
def test_a_job_that_cannot_be_written_delays_no_other_follow_up() -> None:
    jobs = [make_job(f"job {number}", policies={"overlap": "allow", "pause_after_failures": 1}) for number in range(5)]
    tick(at(1), 100)
    for run in Run.objects.all():
        end(run, Failed("x", "x", permanent=True), now=at(1))
    bad = jobs.pop(2)
    poison("schedules_job", "id", bad.pk, on="UPDATE")
    followed = follow_once(at(2), 100)
    assert (followed.n_followups, followed.n_broken) == (5, 1)
    assert set(Job.objects.filter(state="paused")) == set(jobs)
    assert [left.job_id for left in Followup.objects.filter(due_at=at(3))] == [bad.pk]
    cure("schedules_job", bad.pk)
    follow_once(at(3), 100)
    assert (Job.objects.filter(state="paused").count(), Followup.objects.count()) == (5, 0)


def test_a_held_run_that_cannot_be_written_takes_no_place_of_a_limit() -> None:
    limited = {"overlap": "allow", "concurrency": {"limit": 2, "key": "printer"}}
    bad = make_job("bad", policies={**limited, "priority": "high"})
    others = [make_job(f"job {number}", policies=limited) for number in range(3)]
    tick(at(1), 100)
    poison("executions_run", "job_id", bad.pk, on="UPDATE")
    assert follow_once(at(1), 100).n_decided == 2
    assert Run.objects.get(job=bad).status == "held"
    assert sorted(Run.objects.filter(job__in=others).values_list("status", flat=True)) == ["held", "queued", "queued"]
    cure("executions_run", bad.pk)
    end(Run.objects.filter(status="queued")[0], now=at(2))
    follow_once(at(2), 100)
    assert Run.objects.get(job=bad).status == "queued"


def test_when_no_follow_up_can_be_written_none_is_pushed_back() -> None:
    jobs = [make_job(f"job {number}", policies={"overlap": "allow", "pause_after_failures": 1}) for number in range(3)]
    tick(at(1), 100)
    for run in Run.objects.all():
        end(run, Failed("x", "x", permanent=True), now=at(1))
    for job in jobs:
        poison("schedules_job", "id", job.pk, on="UPDATE")
    assert follow_once(at(2), 100).n_broken == 3
    for job in jobs:
        cure("schedules_job", job.pk)
    follow_once(at(2), 100)
    assert Job.objects.filter(state="paused").count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_locked_backfill_does_not_block_the_pass() -> None:
    job = overlapping("allow")
    Job.objects.update(mark_at=at(60), next_run_at=at(61))
    made = backfill.start(job.pk, BackfillRequest(at(0), at(3)), at(5), actor="ann")
    Backfill.objects.update(due_at=at(60))
    end(make_run(job, at(1), origin=Origin.BACKFILL, backfill_id=made.pk), now=at(5))
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT FROM schedules_backfill FOR UPDATE")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '5s'")  # fail instead of waiting for ever
            assert follow_once(at(5), 100).n_followups == 1
        assert Backfill.objects.get().due_at == at(60)
        other.rollback()
    finally:
        other.close()
    assert Followup.objects.count() == 0
