"""Proves what retention deletes, and what it keeps."""

from __future__ import annotations

from datetime import timedelta

import pytest

from executions.history.retention import Pruned, prune_all, prune_once
from executions.models import Attempt, LogLine, RateState, Run, RunEvent, RunSpec
from executions.policies.limits import MAX_RATE_PERIOD
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from tests.factories import NOW, end, make_job, make_run

pytestmark = pytest.mark.django_db

WEEK = timedelta(days=7)


def test_old_runs_are_deleted_with_their_attempts_events_and_logs() -> None:
    job = make_job()
    old, young = end(make_run(job, NOW - WEEK - timedelta(minutes=1))), end(make_run(job, NOW - timedelta(days=1)))
    live = make_run(job, NOW - 2 * WEEK)
    LogLine.objects.create(run=old, attempt=1, at=NOW, level="info", message="x")
    assert prune_all(NOW, WEEK, 100) == Pruned(n_days=0, n_runs=1, n_specs=0)
    assert set(Run.objects.values_list("pk", flat=True)) == {young.pk, live.pk}
    assert set(Attempt.objects.values_list("run_id", flat=True)) == {young.pk}
    assert set(RunEvent.objects.values_list("run_id", flat=True)) == {young.pk, live.pk}
    assert not LogLine.objects.exists()


def test_a_pass_is_bounded_and_prune_all_repeats_it_until_nothing_is_left() -> None:
    job = make_job()
    for minute in range(5):
        end(make_run(job, NOW - 2 * WEEK + timedelta(minutes=minute)))
    assert prune_once(NOW, WEEK, 2) == (2, 0)
    assert prune_all(NOW, WEEK, 2).n_runs == 3


def test_a_superseded_definition_is_deleted_with_its_last_run() -> None:
    job = make_job(now=NOW - 3 * WEEK, schedule={"kind": "none"})
    end(make_run(job, NOW - 2 * WEEK))
    kept = end(make_run(job, NOW - timedelta(days=1)))
    changed = validate({"name": "b", "target": job.spec.target, "payload": {"message": "x"}}, NOW)
    definitions.replace(job.pk, changed, NOW - 2 * WEEK, actor="tests")
    assert prune_all(NOW, WEEK, 10) == Pruned(n_days=0, n_runs=1, n_specs=0)
    kept.refresh_from_db()
    assert kept.spec.job_name == "greeting"
    assert prune_all(NOW + WEEK, WEEK, 10) == Pruned(n_days=0, n_runs=1, n_specs=1)
    assert [spec.version for spec in RunSpec.objects.all()] == [2]


def test_the_state_of_an_unused_rate_limit_is_deleted() -> None:
    for number in range(3):
        RateState.objects.create(key=f"key:old {number}", arrives_at=NOW - MAX_RATE_PERIOD - timedelta(seconds=1))
    RateState.objects.create(key="key:young", arrives_at=NOW - MAX_RATE_PERIOD + timedelta(seconds=1))
    assert prune_all(NOW, WEEK, 2).n_rates == 3
    assert RateState.objects.get().key == "key:young"
