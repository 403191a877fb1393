"""Proves that each occurrence has exactly one row when pauses, backfills and beats act on a job at the same time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from executions.models import Run
from schedules import triggers
from schedules.backfills.backfill import start, step_once
from schedules.backfills.requests import BackfillRequest
from schedules.clock.policies.resumption import Resumption
from schedules.exceptions import JobConflict
from schedules.jobs.selection import Selection
from schedules.models import Backfill, BackfillState, Job, JobState, PauseSetState
from schedules.passes.timed import do_timed_work
from schedules.pauses import pause_sets
from schedules.pauses.terms import PauseTerms
from schedules.tick import tick
from tests.concurrency.threads import at_once
from tests.factories import NOW, make_job

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)
ALLOW = {"overlap": "allow", "catch_up": {"mode": "all"}}


@pytest.mark.long
def test_pausing_and_resuming_while_beats_tick_leaves_one_row_per_occurrence() -> None:
    job = make_job(schedule={"every": "1s"}, policies=ALLOW)

    def act(number: int) -> None:
        for second in range(1, 21):
            now = NOW + second * SECOND
            if number < 3:
                tick(now, 10)
            elif number == 3:
                triggers.pause(job.pk, now, actor="ann")
            else:
                try:
                    triggers.resume(job.pk, now, actor="ben", catch_up=Resumption.ALL)
                except JobConflict:
                    continue

    at_once(5, act)
    if Job.objects.get().state == JobState.PAUSED:
        triggers.resume(job.pk, NOW + 20 * SECOND, actor="ann")
    tick(NOW + 20 * SECOND, 10)
    instants = list(Run.objects.order_by("nominal_at").values_list("nominal_at", flat=True))
    assert instants == [NOW + second * SECOND for second in range(1, 21)]


def test_a_pause_that_several_beats_see_end_is_ended_once() -> None:
    jobs = [make_job(f"job {number}") for number in range(5)]
    for job in jobs:
        triggers.pause(job.pk, NOW, actor="ann", terms=PauseTerms(until=NOW + SECOND))
    done = at_once(4, lambda _: do_timed_work(NOW + SECOND, 100))
    assert sum(done) == 5
    assert not Job.objects.filter(state=JobState.PAUSED).exists()


def test_two_backfills_of_one_range_run_each_instant_once() -> None:
    job = make_job(schedule={"every": "1s"}, now=NOW - timedelta(hours=1))
    Job.objects.update(mark_at=NOW, next_run_at=NOW + SECOND)
    wanted = BackfillRequest(NOW - 60 * SECOND, NOW - 30 * SECOND)

    def act(number: int) -> None:
        if number < 2:
            start(job.pk, wanted, NOW, actor=str(number))
        for _ in range(10):
            step_once(NOW)

    at_once(4, act)
    while step_once(NOW):
        pass
    runs = Run.objects.exclude(backfill_id=None)
    assert (runs.count(), runs.values("nominal_at").distinct().count()) == (30, 30)
    assert set(Backfill.objects.values_list("state", flat=True)) == {BackfillState.DONE}


def test_undoing_a_pause_set_while_beats_process_it_resumes_every_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pause_sets, "MAX_JOBS_PER_STEP", 3)
    for number in range(12):
        make_job(f"job {number}", {"every": "1s"}, policies=ALLOW)
    made = pause_sets.start(Selection(), NOW, actor="ann")

    def act(number: int) -> None:
        if number == 0:
            pause_sets.undo(made.pk, NOW + SECOND, actor="ann")
        for _ in range(10):
            tick(NOW + SECOND, 5)
            pause_sets.step_once(NOW + SECOND)

    at_once(4, act)
    while pause_sets.step_once(NOW + SECOND):
        pass
    made.refresh_from_db()
    assert (made.state, made.n_paused) == (PauseSetState.UNDONE, made.n_resumed)
    assert not Job.objects.filter(state=JobState.PAUSED).exists()
    tick(NOW + SECOND, 100)
    assert Run.objects.count() == 12
