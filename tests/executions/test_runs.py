"""Proves which nominal instant a manual retry has, and that a second cancellation changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from executions import runs
from executions.exceptions import NothingToCancel
from executions.models import Run, RunEvent
from executions.states import RunStatus
from tests.factories import NOW, claim, end, make_job, make_run

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(hours=5)


def test_a_retry_of_a_retry_has_the_nominal_instant_of_the_first_run() -> None:
    first = end(make_run())
    second = runs.retry(first, LATER, actor="ann")
    third = runs.retry(end(second), LATER + timedelta(hours=1), actor="ann")
    assert (second.retry_of, third.retry_of) == (first.pk, first.pk)
    assert claim(third).nominal_at == NOW
    assert third.nominal_at == LATER + timedelta(hours=1), "a run's own identity"


def test_a_retry_of_a_deleted_run_has_its_own_nominal_instant() -> None:
    first = end(make_run())
    again = runs.retry(first, LATER, actor="ann")
    Run.objects.filter(pk=first.pk).delete()
    assert claim(again).nominal_at == LATER


def test_two_retries_of_a_job_at_one_instant_are_two_runs() -> None:
    job = make_job()
    ended = [end(make_run(job, NOW + timedelta(minutes=number))) for number in range(2)]
    again = [runs.retry(run, LATER, actor="ann") for run in ended]
    assert len({run.nominal_at for run in again}) == 2
    assert [claim(run).nominal_at for run in again] == [run.nominal_at for run in ended]


def test_a_second_cancellation_of_a_running_run_changes_nothing() -> None:
    run = make_run()
    claim(run)
    assert runs.cancel(run, LATER, actor="ann") is RunStatus.RUNNING
    assert runs.cancel(run, LATER + timedelta(minutes=1), actor="bob") is RunStatus.RUNNING
    run.refresh_from_db()
    assert run.cancel_requested_at == LATER
    assert list(RunEvent.objects.filter(kind="cancel_requested").values_list("at", "actor")) == [(LATER, "ann")]


def test_cancelling_a_cancelled_run_is_refused() -> None:
    run = make_run()
    assert runs.cancel(run, LATER, actor="ann") is RunStatus.CANCELLED
    with pytest.raises(NothingToCancel, match="has ended already: cancelled"):
        runs.cancel(run, LATER, actor="bob")
