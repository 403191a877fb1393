"""What people ask of runs: here, that one that has ended is carried out again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from executions import runs
from executions.models import Run
from tests.factories import NOW, claim, end, make_job, make_run

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(hours=5)


def test_a_retry_is_of_the_instant_that_the_schedule_meant_and_so_is_a_retry_of_that() -> None:
    first = end(make_run())
    second = runs.retry(first, LATER, actor="ann")
    third = runs.retry(end(second), LATER + timedelta(hours=1), actor="ann")
    assert (second.retry_of, third.retry_of) == (first.pk, first.pk)
    assert claim(third).nominal_at == NOW
    assert third.nominal_at == LATER + timedelta(hours=1), "a run's own identity"


def test_a_retry_whose_original_is_not_in_the_history_any_more_is_of_its_own_instant() -> None:
    first = end(make_run())
    again = runs.retry(first, LATER, actor="ann")
    Run.objects.filter(pk=first.pk).delete()
    assert claim(again).nominal_at == LATER


def test_two_retries_at_one_instant_are_two_runs() -> None:
    job = make_job()
    ended = [end(make_run(job, NOW + timedelta(minutes=number))) for number in range(2)]
    again = [runs.retry(run, LATER, actor="ann") for run in ended]
    assert len({run.nominal_at for run in again}) == 2
    assert [claim(run).nominal_at for run in again] == [run.nominal_at for run in ended]
