"""Proves that a tick with much work leaves some of its jobs to the next tick."""

from __future__ import annotations

from datetime import timedelta

import pytest

from executions.models import Run
from schedules.tick import tick
from tests.factories import NOW, make_job

pytestmark = pytest.mark.django_db


def test_a_pass_that_reaches_its_limit_of_rows_leaves_the_other_jobs_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("schedules.tick.MAX_RUNS_PER_PASS", 50)
    for number in range(3):
        make_job(f"behind {number}", {"every": "1s"}, policies={"overlap": "allow", "catch_up": {"mode": "all"}})
    passes = [tick(NOW + timedelta(seconds=30), 10) for _ in range(2)]
    assert [(ticked.n_jobs, ticked.more) for ticked in passes] == [(2, True), (1, False)]
    assert Run.objects.count() == 90


def test_a_pass_that_plans_for_too_long_leaves_the_other_jobs_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schedules.tick.MAX_PLANNING_SECONDS", 0)
    for number in range(3):
        make_job(f"slow {number}")
    passes = [tick(NOW + timedelta(seconds=60), 10) for _ in range(4)]
    assert [(ticked.n_jobs, ticked.more) for ticked in passes] == [(1, True), (1, True), (1, False), (0, False)]
    assert Run.objects.count() == 3
