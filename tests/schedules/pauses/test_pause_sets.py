"""Pauses of many jobs, and their undoing as exactly that set."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from executions.models import Run
from schedules import queries, triggers
from schedules.clock.policies.resumption import Resumption
from schedules.exceptions import JobConflict
from schedules.jobs.selection import Selection
from schedules.models import Job, JobState, PauseSet, PauseSetState
from schedules.passes.timed import do_timed_work
from schedules.pauses import pause_sets
from schedules.pauses.pause_sets import UndoPreview, preview_undo, start, step_once, undo
from schedules.tick import tick
from tests.factories import NOW, make_job

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
HTTP = {"kind": "http", "url": "https://example.org/"}


def at(minute: float) -> datetime:
    return NOW + minute * MINUTE


def states() -> dict[str, str]:
    return dict(Job.objects.order_by("name").values_list("name", "state"))


def of(**filters: Any) -> Selection:
    return Selection.model_validate(filters)


def test_what_a_filter_matches_is_paused_with_reason_actor_and_end_and_nothing_else_is() -> None:
    for name in ("bill a", "bill b", "other"):
        make_job(name)
    assert pause_sets.count(of(search="BILL"), NOW) == 2
    made = start(of(search="BILL"), NOW, actor="ann", reason="a move", until=at(9), catch_up=Resumption.LAST)
    assert states() == {"bill a": "paused", "bill b": "paused", "other": "active"}
    assert (made.state, made.n_jobs, made.n_paused, made.due_at) == (PauseSetState.PAUSED, 2, 2, None)
    job = Job.objects.get(name="bill a")
    assert (job.pause_reason, job.paused_by, job.paused_until_at, job.pause_catch_up, job.pause_set_id) == (
        "a move",
        "ann",
        at(9),
        "last",
        made.pk,
    )


@pytest.mark.parametrize(
    ("filters", "paused"), [({}, ["a", "b"]), ({"target_kind": "http"}, ["b"]), ({"name": "a"}, ["a"])]
)
def test_each_filter_means_what_it_means_in_the_list(filters: dict[str, Any], paused: list[str]) -> None:
    make_job("a")
    make_job("b", target=HTTP)
    start(of(**filters), NOW, actor="ann")
    assert [name for name, state in states().items() if state == "paused"] == paused


def test_jobs_are_chosen_by_id_and_one_that_is_made_later_is_not_among_them() -> None:
    first, second = make_job("a"), make_job("b", now=at(1))
    start(of(ids=[str(first.pk), str(second.pk)]), NOW, actor="ann")
    assert states() == {"a": "paused", "b": "active"}


def test_undoing_resumes_exactly_those_that_nobody_has_touched_since() -> None:
    jobs = {name: make_job(name) for name in ("kept", "resumed", "paused anew", "before", "set anew")}
    triggers.pause(jobs["before"].pk, NOW, actor="ann")
    made = start(of(), NOW, actor="ann")
    triggers.resume(jobs["resumed"].pk, at(0.1), actor="ben")
    triggers.pause(jobs["paused anew"].pk, at(0.1), actor="ben", reason="mine")
    triggers.resume(jobs["set anew"].pk, at(0.1), actor="ben")
    other = start(of(name="set anew"), at(0.2), actor="ben")
    undone = undo(made.pk, at(0.3), actor="ann")
    assert states() == {
        "before": "paused",
        "kept": "active",
        "paused anew": "paused",
        "resumed": "active",
        "set anew": "paused",
    }
    assert (undone.state, undone.n_resumed, undone.undone_by) == (PauseSetState.UNDONE, 1, "ann")
    assert Job.objects.get(name="set anew").pause_set_id == other.pk
    with pytest.raises(JobConflict):
        undo(made.pk, at(0.4), actor="ann")


def test_what_was_due_before_still_runs_and_undoing_starts_what_was_foreseen() -> None:
    for name in ("a", "b"):
        make_job(name, policies={"overlap": "allow"})
    made = start(of(), at(1.01), actor="ann")
    assert Run.objects.filter(nominal_at=at(1), status="queued").count() == 2
    assert preview_undo(made, at(3.5), Resumption.ALL) == UndoPreview(2, 4, is_more=False)
    assert preview_undo(made, at(3.5), Resumption.NONE) == UndoPreview(2, 0, is_more=False)
    undo(made.pk, at(3.5), actor="ann", catch_up=Resumption.ALL)
    tick(at(3.5), 100)
    assert Run.objects.filter(status="queued").count() == 6


def test_what_is_due_at_the_very_instant_of_the_pause_still_runs() -> None:
    make_job()
    start(of(), at(1), actor="ann")
    assert list(Run.objects.values_list("nominal_at", "status")) == [(at(1), "queued")]


def test_many_are_paused_some_at_a_time_and_a_step_that_dies_is_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pause_sets, "MAX_JOBS_PER_STEP", 2)
    for number in range(5):
        make_job(f"job {number}")
    made = start(of(), NOW, actor="ann")
    assert (made.state, made.n_paused, queries.next_at().timed) == (PauseSetState.PAUSING, 2, NOW)

    def die(*args: Any, **kwargs: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(PauseSet, "save", die)
        with pytest.raises(SystemExit):
            step_once(NOW)
    assert Job.objects.filter(state=JobState.PAUSED).count() == 2
    for _ in range(2):
        do_timed_work(NOW, 100)
    made.refresh_from_db()
    assert (made.state, made.n_paused, set(states().values())) == (PauseSetState.PAUSED, 5, {"paused"})
    undone = undo(made.pk, NOW, actor="ann")
    assert (undone.state, undone.n_resumed) == (PauseSetState.UNDOING, 2)
    while step_once(NOW):
        pass
    made.refresh_from_db()
    assert (made.state, made.n_resumed, set(states().values())) == (PauseSetState.UNDONE, 5, {"active"})


def test_undoing_a_pause_that_is_not_done_yet_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pause_sets, "MAX_JOBS_PER_STEP", 2)
    for number in range(5):
        make_job(f"job {number}")
    made = start(of(), NOW, actor="ann")
    undo(made.pk, NOW, actor="ben")
    while step_once(NOW):
        pass
    made.refresh_from_db()
    assert (made.n_paused, made.n_resumed, set(states().values())) == (2, 2, {"active"})


def test_a_set_that_is_being_undone_is_not_undone_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pause_sets, "MAX_JOBS_PER_STEP", 2)
    for number in range(5):
        make_job(f"job {number}")
    made = start(of(), NOW, actor="ann")
    assert undo(made.pk, NOW, actor="ben").state == PauseSetState.UNDOING
    with pytest.raises(JobConflict):
        undo(made.pk, NOW, actor="eve", catch_up=Resumption.ALL)
    made.refresh_from_db()
    assert (made.undone_by, made.undo_catch_up, made.n_resumed) == ("ben", Resumption.NONE, 2)


def test_a_job_that_cannot_be_resumed_keeps_no_other_waiting() -> None:
    broken = make_job("broken")
    make_job("sound")
    made = start(of(), NOW, actor="ann")
    Job.objects.filter(pk=broken.pk).update(schedule={"kind": "of another version"})
    assert undo(made.pk, NOW, actor="ann").state == PauseSetState.UNDONE
    assert states() == {"broken": "paused", "sound": "active"}
