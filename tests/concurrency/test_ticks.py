"""Proves that of several concurrent actors exactly one wins, on real connections."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import transaction

from executions.lifecycle import transitions
from executions.lifecycle.types import Ending
from executions.models import Attempt, Run, RunEvent
from executions.states import AttemptStatus, RunStatus
from schedules import queries
from schedules.exceptions import InvalidDefinition
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from schedules.models import Job
from schedules.passes.follow_ups import follow_once
from schedules.tick import tick
from tests.concurrency.threads import at_once
from tests.factories import ECHO, HELLO, NOW, claim, end, make_job, make_run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

MINUTE = timedelta(minutes=1)
LEASE = timedelta(seconds=30)


def test_five_ticks_on_one_window_create_one_run_per_occurrence() -> None:
    for number in range(40):
        make_job(f"job {number}", {"every": "1s"}, policies={"overlap": "allow"})
    now = NOW + timedelta(seconds=4)
    ticked = at_once(5, lambda _: [tick(now, 7) for _ in range(12)])
    assert (
        sum(len(message.runs) for each in ticked for t in each for message in t.messages) == Run.objects.count() == 160
    )
    assert Run.objects.values("job", "nominal_at").distinct().count() == 160


def test_concurrent_ticks_of_one_job_respect_its_overlap_policy() -> None:
    make_job(schedule={"every": "1s"})
    at_once(4, lambda number: tick(NOW + timedelta(seconds=number + 1), 10))
    tick(NOW + timedelta(seconds=4), 10)
    assert Run.objects.filter(status=RunStatus.QUEUED).count() == 1
    assert Run.objects.count() == 4


def test_one_of_many_workers_with_the_same_message_gets_the_claim() -> None:
    run = make_run()
    claims = at_once(8, lambda n: transitions.claim([(run.pk, 0)], NOW, lease=LEASE, worker=str(n)))
    assert sum(map(len, claims)) == 1
    assert RunEvent.objects.filter(kind="running").count() == 1


def test_a_concurrent_cancellation_and_claim_agree_on_the_winner() -> None:
    for minute in range(10):
        run = make_run(make_job(f"job {minute}"))

        def act(number: int, run: Run = run) -> object:
            if number:
                return transitions.cancel(run.pk, NOW, actor="ann")
            return transitions.claim([(run.pk, 0)], NOW, lease=LEASE, worker="w")

        claims, cancelled = at_once(2, act)
        run.refresh_from_db()
        if claims:
            assert (run.status, cancelled) == (RunStatus.RUNNING, RunStatus.RUNNING)
            assert run.cancel_requested_at is not None
        else:
            assert (run.status, cancelled) == (RunStatus.CANCELLED, RunStatus.CANCELLED)


def test_one_of_many_endings_of_an_attempt_is_written() -> None:
    claimed = claim(make_run())
    endings = [
        Ending(claimed.run_id, 1, RunStatus.SUCCEEDED, AttemptStatus.SUCCEEDED, result=number) for number in range(6)
    ]
    written = at_once(6, lambda number: transitions.finish([endings[number]], NOW + MINUTE))
    assert sum(map(len, written)) == Attempt.objects.count() == 1


def test_two_dispatches_publish_a_run_once() -> None:
    for number in range(20):
        make_run(make_job(f"job {number}"))
    due = at_once(4, lambda _: transitions.dispatch(NOW, limit=50, republish_after=LEASE))
    published = [run.run_id for each in due for run in each]
    assert len(published) == len(set(published)) == 20


def test_an_edit_waits_for_the_tick_that_locks_the_job() -> None:
    job = make_job()
    held, edited = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            assert queries.due_jobs(NOW + MINUTE, 10)
            held.set()
            assert not edited.wait(0.3), "the edit did not wait"

    def edit() -> None:
        held.wait()
        changed = validate({"name": "changed", "target": job.spec.target, "schedule": {"every": "1h"}}, NOW)
        definitions.replace(job.pk, changed, NOW + MINUTE, actor="tests")
        edited.set()

    at_once(2, lambda number: (hold, edit)[number]())
    assert list(Run.objects.values_list("nominal_at", flat=True)) == [NOW + MINUTE]
    job.refresh_from_db()
    assert (job.name, job.next_run_at) == ("changed", NOW + MINUTE + timedelta(hours=1))


def test_one_of_many_beats_gets_the_lease_of_periodic_tasks() -> None:
    taken = at_once(6, lambda n: queries.take_lease("x", f"beat {n}", NOW, NOW + LEASE))
    assert sum(taken) == 1


def test_concurrent_passes_start_each_follower_once_per_ended_run() -> None:
    first = make_job("source", {"kind": "none"})
    followers = [
        make_job(f"job {number}", {"kind": "none"}, start_after=[{"job": str(first.pk)}], policies={"overlap": "allow"})
        for number in range(10)
    ]
    for minute in range(20):
        end(make_run(first, NOW + minute * MINUTE), now=NOW + 20 * MINUTE)

    def act(number: int) -> int:
        return sum(follow_once(NOW + 21 * MINUTE + number * MINUTE + turn * MINUTE, 7).n_opened for turn in range(12))

    n_opened = sum(at_once(4, act))
    while (more := follow_once(NOW + 90 * MINUTE, 100)).n_followups:
        n_opened += more.n_opened
    assert n_opened == Run.objects.filter(origin="chain").count() == 20 * len(followers)
    assert Run.objects.filter(origin="chain").values("job", "caused_by").distinct().count() == n_opened


def test_one_of_the_changes_that_together_close_a_cycle_is_refused() -> None:
    for turn in range(5):
        jobs = [make_job(f"job {turn} {number}", {"kind": "none"}) for number in range(3)]

        def close(number: int, jobs: list[Job] = jobs) -> bool:
            job, other = jobs[number], jobs[(number + 1) % 3]
            data = {"name": job.name, "target": ECHO, "payload": HELLO, "start_after": [{"job": str(other.pk)}]}
            try:
                definitions.replace(job.pk, validate(data, NOW, job), NOW, actor="ann")
            except InvalidDefinition:
                return False
            return True

        assert sorted(at_once(3, close)) == [False, True, True]
