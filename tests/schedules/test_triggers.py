"""Proves what run now, pause, resume, cancel and delete do to a job and its runs at the very instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from executions.lifecycle import transitions
from executions.models import Run, RunEvent
from executions.states import Reason, RunStatus
from schedules.clock.policies.resumption import Resumption
from schedules.exceptions import InvalidDefinition
from schedules.jobs import definitions
from schedules.jobs.selection import Selection
from schedules.jobs.validation import validate
from schedules.models import Job, JobState
from schedules.pauses import pause_sets
from schedules.pauses.terms import PauseTerms
from schedules.tick import tick
from schedules.triggers import pause, resume, run_now
from tests.factories import ECHO, NOW, claim, make_job, make_run

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def after(seconds: float) -> datetime:
    return NOW + seconds * SECOND


def test_occurrences_due_before_a_pause_run_and_those_during_it_do_not() -> None:
    job = make_job(schedule={"every": "10s"}, policies={"overlap": "allow"})
    pause(job.pk, after(25), actor="ann", terms=PauseTerms(reason="the day off"))
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


def test_a_job_far_behind_gets_all_its_rows_before_it_is_edited(settings: Settings) -> None:
    settings.MAINSPRING = replace(settings.MAINSPRING, chunk_size=10)
    job = make_job(schedule={"every": "1s"}, policies={"overlap": "allow", "catch_up": {"mode": "all", "pace": 0}})
    definition = validate({"name": "greeting", "schedule": {"every": "1h"}, "target": ECHO}, after(35))
    definitions.replace(job.pk, definition, after(35), actor="ann")
    assert list(Run.objects.order_by("nominal_at").values_list("nominal_at", flat=True)) == [
        after(second) for second in range(1, 36)
    ]
    assert set(Run.objects.values_list("dispatch_at", flat=True)) == {after(35)}, "nobody has published them yet"


def test_two_runs_by_hand_at_the_same_instant_are_two_runs() -> None:
    job = make_job()
    first, second = run_now(job, NOW, actor="ann"), run_now(job, NOW, actor="ben")
    assert (first.pk != second.pk, second.nominal_at - first.nominal_at) == (True, timedelta(microseconds=1))


def test_deleting_a_job_cancels_queued_runs_and_leaves_running_ones() -> None:
    job = make_job()
    running, queued = make_run(job), make_run(job, after(60))
    claim(running)
    definitions.delete(job.pk, after(61), actor="ann")
    running.refresh_from_db()
    queued.refresh_from_db()
    assert (running.status, running.cancel_requested_at) == (RunStatus.RUNNING, None)
    assert queued.status == RunStatus.CANCELLED
    assert RunEvent.objects.filter(run=queued).latest("id").reason == "job_deleted"


def test_a_cancelled_run_that_the_broker_did_not_take_is_not_published_again() -> None:
    run = make_run()
    transitions.cancel(run.pk, NOW, actor="ann")
    assert transitions.republish_at([(run.pk, 0)], after(1)) == 0
    run.refresh_from_db()
    assert run.dispatch_at is None


def test_a_spent_claim_can_neither_be_returned_nor_renewed() -> None:
    run = make_run()
    held = claim(run)
    transitions.return_claims([(run.pk, held.claim_no)], NOW)
    assert transitions.republish_at([(run.pk, 0)], after(1)) == 0
    assert not transitions.renew([(run.pk, held.claim_no)], NOW, SECOND).held, "it is queued"
    claim(run)
    assert not transitions.renew([(run.pk, held.claim_no)], NOW, SECOND).held, "another holds it"
    assert transitions.return_claims([(run.pk, held.claim_no)], NOW) == 0


def test_the_time_of_the_first_request_to_stop_is_kept() -> None:
    run = make_run()
    claim(run)
    for second in (1, 2):
        transitions.cancel(run.pk, after(second), actor="ann")
    run.refresh_from_db()
    assert run.cancel_requested_at == after(1)


def test_a_resumed_job_keeps_only_the_start_of_its_pause() -> None:
    job = pause(make_job().pk, NOW, actor="ann", terms=PauseTerms(reason="why"))
    job = resume(job.pk, after(1), actor="ann")
    assert (job.state, job.pause_reason, job.paused_at) == (JobState.ACTIVE, "", NOW)


@pytest.mark.parametrize("terms", [PauseTerms(until=NOW), PauseTerms(catch_up=Resumption.LAST)])
def test_a_pause_without_a_future_end_for_its_catch_up_is_refused(terms: PauseTerms) -> None:
    job = make_job()
    with pytest.raises(InvalidDefinition):
        pause(job.pk, NOW, actor="ann", terms=terms)
    with pytest.raises(InvalidDefinition):
        pause_sets.start(Selection(), NOW, actor="ann", terms=terms)
    assert Job.objects.get().state == JobState.ACTIVE
