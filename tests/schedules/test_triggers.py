"""What a person's hand does to a job and its runs, at the very instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from executions.lifecycle import transitions
from executions.models import Run, RunEvent
from executions.states import Reason, RunStatus
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from schedules.models import JobState
from schedules.tick import tick
from schedules.triggers import pause, resume, run_now
from tests.factories import ECHO, NOW, claim, make_job, make_run

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def after(seconds: float) -> datetime:
    return NOW + seconds * SECOND


def test_what_was_due_before_a_pause_still_runs_and_what_is_due_in_it_does_not() -> None:
    job = make_job(schedule={"every": "10s"}, policies={"overlap": "allow"})
    pause(job.pk, after(25), actor="ann", reason="the day off")
    resume(job.pk, after(45), actor="ann")
    tick(after(50), 10)
    runs = Run.objects.order_by("nominal_at").values_list("nominal_at", "status", "reason")
    assert list(runs) == [
        (after(10), RunStatus.SKIPPED, Reason.COALESCED),
        (after(20), RunStatus.QUEUED, ""),
        (after(30), RunStatus.SKIPPED, Reason.PAUSED),
        (after(40), RunStatus.SKIPPED, Reason.PAUSED),
        (after(50), RunStatus.QUEUED, ""),
    ]


def test_a_job_that_is_far_behind_has_all_its_rows_before_it_is_edited(settings: Settings) -> None:
    settings.MAINSPRING = replace(settings.MAINSPRING, chunk_size=10)
    job = make_job(schedule={"every": "1s"}, policies={"overlap": "allow", "catch_up": {"mode": "all", "pace": 0}})
    definition = validate({"name": "greeting", "schedule": {"every": "1h"}, "target": ECHO}, after(35))
    definitions.replace(job.pk, definition, after(35), actor="ann")
    assert list(Run.objects.order_by("nominal_at").values_list("nominal_at", flat=True)) == [
        after(second) for second in range(1, 36)
    ]
    assert set(Run.objects.values_list("dispatch_at", flat=True)) == {after(35)}, "nobody has published them yet"


def test_two_runs_by_hand_at_one_instant_are_two() -> None:
    job = make_job()
    first, second = run_now(job, NOW, actor="ann"), run_now(job, NOW, actor="ben")
    assert (first.pk != second.pk, second.nominal_at - first.nominal_at) == (True, timedelta(microseconds=1))


def test_deleting_a_job_cancels_what_has_not_begun_and_leaves_alone_what_runs() -> None:
    job = make_job()
    running, queued = make_run(job), make_run(job, after(60))
    claim(running)
    definitions.delete(job.pk, after(61), actor="ann")
    running.refresh_from_db()
    queued.refresh_from_db()
    assert (running.status, running.cancel_requested_at) == (RunStatus.RUNNING, None)
    assert queued.status == RunStatus.CANCELLED
    assert RunEvent.objects.filter(run=queued).latest("id").reason == "job_deleted"


def test_what_the_broker_did_not_take_of_a_run_that_is_cancelled_meanwhile_is_not_asked_for_again() -> None:
    run = make_run()
    transitions.cancel(run.pk, NOW, actor="ann")
    assert transitions.republish_at([(run.pk, 0)], after(1)) == 0
    run.refresh_from_db()
    assert run.dispatch_at is None


def test_a_claim_that_is_spent_puts_nothing_back_and_renews_nothing() -> None:
    run = make_run()
    held = claim(run)
    transitions.return_claims([(run.pk, held.claim_no)], NOW)
    assert transitions.republish_at([(run.pk, 0)], after(1)) == 0
    assert not transitions.renew([(run.pk, held.claim_no)], NOW, SECOND).held, "it is queued"
    claim(run)
    assert not transitions.renew([(run.pk, held.claim_no)], NOW, SECOND).held, "another holds it"
    assert transitions.return_claims([(run.pk, held.claim_no)], NOW) == 0


def test_the_first_request_to_stop_is_the_one_that_is_remembered() -> None:
    run = make_run()
    claim(run)
    for second in (1, 2):
        transitions.cancel(run.pk, after(second), actor="ann")
    run.refresh_from_db()
    assert run.cancel_requested_at == after(1)


def test_a_job_that_is_paused_has_no_state_of_its_own_left_when_it_is_resumed() -> None:
    job = pause(make_job().pk, NOW, actor="ann", reason="why")
    job = resume(job.pk, after(1), actor="ann")
    assert (job.state, job.pause_reason, job.paused_at) == (JobState.ACTIVE, "", None)
