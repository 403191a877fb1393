"""Proves the contract of reactions: their order, what each is called with, and that a fault of one stays isolated."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from executions.models import Followup, Run
from executions.targets.base import Failed
from schedules.models import Job, JobState
from schedules.passes import follow_ups
from schedules.passes.follow_ups import follow_once
from schedules.passes.reactions import REACTIONS
from schedules.tick import tick
from tests.factories import NOW, end, make_job, make_run
from values.database import PUSH_BACK_DELAY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from schedules.passes.ended_runs import EndedRun

pytestmark = pytest.mark.django_db

AT = NOW + timedelta(seconds=61)
CHAINED = {"kind": "none"}


class Recorder:
    """A reaction that records its calls and the states of the jobs, and says that it has opened `n_opened` runs."""

    def __init__(self, n_opened: int = 0, fails_for: str = "") -> None:
        self.calls: list[tuple[list[EndedRun], datetime]] = []
        self.states: list[list[tuple[str, str]]] = []
        self.n_opened, self.fails_for = n_opened, fails_for
        self.was_atomic = False

    def __call__(self, ended: Sequence[EndedRun], now: datetime) -> int:
        self.was_atomic = connection.in_atomic_block
        self.calls.append((list(ended), now))
        self.states.append([(job.name, job.state) for each in ended for job in each.jobs])
        if self.fails_for in {each.job.name for each in ended if each.job}:
            raise RuntimeError("no such channel")
        return self.n_opened


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder(n_opened=7)
    monkeypatch.setattr(follow_ups, "REACTIONS", (*REACTIONS, made))
    return made


def failing(*names: str) -> list[Job]:
    """Jobs that are paused after one failure, each with a run that has failed, in this order."""
    policies = {"overlap": "allow", "pause_after_failures": 1, "retry": {"max_retries": 0}}
    jobs = [make_job(name, policies=policies) for name in names]
    tick(AT, 100)
    for place, job in enumerate(jobs):
        end(Run.objects.get(job=job), Failed("x", "x"), now=AT - timedelta(milliseconds=len(jobs) - place))
    return jobs


def test_the_reactions_are_called_in_this_order() -> None:
    assert [react.__name__ for react in REACTIONS] == [
        "schedule_after_delay",
        "pause_failing_jobs",
        "open_more_of_backfills",
        "start_chained_jobs",
    ]


def test_an_added_reaction_is_called_once_a_pass_with_all_ended_runs(recorder: Recorder) -> None:
    jobs = failing("a", "b")
    chained = make_job("c", CHAINED, start_after=[{"job": str(jobs[0].pk), "on": "failure"}])
    result = follow_once(AT, 100)
    ((ended, now),) = recorder.calls
    assert [(each.run.status, each.job, each.chained_jobs) for each in ended] == [
        ("failed", jobs[0], (chained,)),
        ("failed", jobs[1], ()),
    ]
    assert (now, recorder.was_atomic) == (AT, True)
    assert result.n_opened == 8, "one run of the chained job, seven that the reaction says it has opened"


def test_a_reaction_sees_what_the_reactions_before_it_have_changed(recorder: Recorder) -> None:
    failing("a")
    follow_once(AT, 100)
    assert recorder.states == [[("a", "paused")]]


def test_a_reaction_gets_no_job_for_a_run_whose_job_was_deleted(recorder: Recorder) -> None:
    (job,) = failing("a")
    Job.objects.filter(pk=job.pk).delete()
    follow_once(AT, 100)
    assert [(each.job, each.jobs) for each in recorder.calls[0][0]] == [(None, ())]


def test_reactions_are_not_called_for_a_held_run_that_may_start(recorder: Recorder) -> None:
    make_job(policies={"overlap": "allow", "concurrency": {"limit": 1, "key": "printer"}})
    tick(AT, 100)
    assert follow_once(AT, 100).n_decided == 1
    assert recorder.calls == []


def test_a_reaction_that_fails_for_one_run_pushes_back_that_follow_up_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = failing("a", "bad", "c")
    broken = Recorder(fails_for="bad")
    monkeypatch.setattr(follow_ups, "REACTIONS", (*REACTIONS, broken))
    result = follow_once(AT, 100)
    assert (result.n_followups, result.n_broken) == (3, 1)
    assert list(Followup.objects.values_list("job_id", "due_at")) == [(jobs[1].pk, AT + PUSH_BACK_DELAY)]
    assert dict(Job.objects.values_list("name", "state")) == {"a": "paused", "bad": "active", "c": "paused"}
    broken.fails_for = ""
    follow_once(AT + PUSH_BACK_DELAY, 100)
    assert (Followup.objects.count(), Job.objects.get(name="bad").state) == (0, "paused")


DELAY = {"delay": "5m"}


@pytest.mark.parametrize(
    ("schedule", "policies", "state"),
    [
        pytest.param(DELAY, {}, JobState.ACTIVE, id="delays"),
        pytest.param(DELAY | {"end_at": "2026-11-20T12:02:00Z"}, {}, JobState.ENDED, id="delays that end"),
        pytest.param({"kind": "none"}, {"pause_after_failures": 2}, JobState.ACTIVE, id="too few failures"),
        pytest.param({"kind": "none"}, {"pause_after_failures": 1}, JobState.PAUSED, id="enough failures"),
    ],
)
def test_more_ended_runs_need_no_more_statements(
    schedule: dict[str, Any], policies: dict[str, Any], state: JobState
) -> None:
    def n_statements(n_jobs: int) -> int:
        for _ in range(n_jobs):
            job = make_job(schedule=schedule, policies={"overlap": "allow", "retry": {"max_retries": 0}, **policies})
            Job.objects.filter(pk=job.pk).update(next_run_at=None)
            end(make_run(job), Failed("x", "x"), now=AT)
        with CaptureQueriesContext(connection) as captured:
            assert follow_once(AT, 100).n_followups == n_jobs
        return len(captured)

    assert n_statements(1) == n_statements(5)
    assert set(Job.objects.values_list("state", "next_run_at")) == {
        (state.value, AT + timedelta(minutes=5) if schedule == DELAY else None)
    }


@pytest.mark.django_db(transaction=True)
def test_reactions_wait_while_somebody_else_has_locked_the_job(recorder: Recorder) -> None:
    failing("a")
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT FROM schedules_job FOR UPDATE")
        with transaction.atomic():
            follow_once(AT, 100)
        assert recorder.calls == []
        other.rollback()
    finally:
        other.close()
    follow_once(AT + follow_ups.BUSY_JOB_DELAY, 100)
    assert len(recorder.calls) == 1
