"""Proves that a pause set pauses what its filter matches, and that undoing it resumes exactly those jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db.models import Q

from access import visibility
from access.models import Scope
from access.visibility import deferred_caller
from executions.models import Run, RunSpec
from schedules import queries, triggers
from schedules.clock.policies.resumption import Resumption
from schedules.exceptions import JobConflict
from schedules.jobs.selection import Selection
from schedules.models import Job, JobState, PauseSet, PauseSetState
from schedules.passes.timed import do_timed_work
from schedules.pauses import pause_sets
from schedules.pauses.pause_sets import UndoPreview, preview_undo, start, step_once, undo
from schedules.pauses.terms import PauseTerms
from schedules.tick import tick
from tests.factories import NOW, make_job

if TYPE_CHECKING:
    from datetime import datetime

    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
HTTP = {"kind": "http", "url": "https://example.org/"}


def at(minute: float) -> datetime:
    return NOW + minute * MINUTE


def states() -> dict[str, str]:
    return dict(Job.objects.order_by("name").values_list("name", "state"))


def select(**filters: Any) -> Selection:
    return Selection.model_validate(filters)


def test_every_step_is_limited_by_the_scope_of_whoever_created_the_set(monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = make_job("mine"), make_job("other")
    scope = Scope.objects.create(kind=Scope.Kind.TENANT, tenant="acme")
    Job.objects.filter(pk=mine.pk).update(scope=scope)
    monkeypatch.setattr(visibility, "RULES", {"schedules.job": lambda caller, action: Q(scope_id=caller.scope_id)})
    created = start(select(), NOW, actor="ann", caller=deferred_caller(scope.pk))
    assert states() == {"mine": "paused", "other": "active"}
    Job.objects.filter(pk=other.pk).update(state=JobState.PAUSED, pause_set_id=created.pk)
    undo(created.pk, at(1), actor="ann")
    assert states() == {"mine": "active", "other": "paused"}


def test_exactly_the_jobs_that_match_are_paused_with_the_terms_of_the_set() -> None:
    for name in ("bill a", "bill b", "other"):
        make_job(name)
    assert pause_sets.count(select(search="BILL"), NOW) == 2
    created = start(
        select(search="BILL"),
        NOW,
        actor="ann",
        terms=PauseTerms(reason="a move", until=at(9), catch_up=Resumption.LAST),
    )
    assert states() == {"bill a": "paused", "bill b": "paused", "other": "active"}
    assert (created.state, created.n_jobs, created.n_paused, created.due_at) == (PauseSetState.PAUSED, 2, 2, None)
    job = Job.objects.get(name="bill a")
    assert (job.pause_reason, job.paused_by, job.paused_until_at, job.pause_catch_up, job.pause_set_id) == (
        "a move",
        "ann",
        at(9),
        "last",
        created.pk,
    )


@pytest.mark.parametrize(
    ("filters", "paused"), [({}, ["a", "b"]), ({"target_kind": "http"}, ["b"]), ({"name": "a"}, ["a"])]
)
def test_the_filters_mean_the_same_as_in_the_list_of_jobs(filters: dict[str, Any], paused: list[str]) -> None:
    make_job("a")
    make_job("b", target=HTTP)
    start(select(**filters), NOW, actor="ann")
    assert [name for name, state in states().items() if state == "paused"] == paused


def test_a_job_chosen_by_id_is_not_paused_if_it_is_newer_than_the_set() -> None:
    first, second = make_job("a"), make_job("b", now=at(1))
    start(select(ids=[str(first.pk), str(second.pk)]), NOW, actor="ann")
    assert states() == {"a": "paused", "b": "active"}


def test_undoing_resumes_only_jobs_that_are_still_paused_by_the_set() -> None:
    jobs = {name: make_job(name) for name in ("kept", "resumed", "paused anew", "before", "set anew")}
    triggers.pause(jobs["before"].pk, NOW, actor="ann")
    created = start(select(), NOW, actor="ann")
    triggers.resume(jobs["resumed"].pk, at(0.1), actor="ben")
    triggers.pause(jobs["paused anew"].pk, at(0.1), actor="ben", terms=PauseTerms(reason="mine"))
    triggers.resume(jobs["set anew"].pk, at(0.1), actor="ben")
    other = start(select(name="set anew"), at(0.2), actor="ben")
    undone = undo(created.pk, at(0.3), actor="ann")
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
        undo(created.pk, at(0.4), actor="ann")


def test_undoing_starts_as_many_runs_as_the_preview_said(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for name in ("a", "b"):
        make_job(name, policies={"overlap": "allow"})
    created = start(select(), at(1.01), actor="ann")
    assert Run.objects.filter(nominal_at=at(1), status="queued").count() == 2
    with django_assert_num_queries(2):  # the number of jobs, and the jobs
        previews = preview_undo(created, at(3.5), Resumption)
    assert {mode.value: (each.n_jobs, each.n_would_start, each.is_more) for mode, each in previews.items()} == {
        "none": (2, 0, False),
        "first": (2, 2, False),
        "last": (2, 2, False),
        "all": (2, 4, False),
    }
    undo(created.pk, at(3.5), actor="ann", catch_up=Resumption.ALL)
    tick(at(3.5), 100)
    assert Run.objects.filter(status="queued").count() == 6


def test_an_occurrence_due_at_the_instant_of_the_pause_still_runs() -> None:
    make_job()
    start(select(), at(1), actor="ann")
    assert list(Run.objects.values_list("nominal_at", "status")) == [(at(1), "queued")]


def test_a_step_that_is_killed_is_repeated_and_pauses_every_job_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pause_sets, "MAX_JOBS_PER_STEP", 2)
    for number in range(5):
        make_job(f"job {number}")
    created = start(select(), NOW, actor="ann")
    assert (created.state, created.n_paused, queries.next_at().timed) == (PauseSetState.PAUSING, 2, NOW)

    def die(*args: Any, **kwargs: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(PauseSet, "save", die)
        with pytest.raises(SystemExit):
            step_once(NOW)
    assert Job.objects.filter(state=JobState.PAUSED).count() == 2
    for _ in range(2):
        do_timed_work(NOW, 100)
    created.refresh_from_db()
    assert (created.state, created.n_paused, set(states().values())) == (PauseSetState.PAUSED, 5, {"paused"})
    undone = undo(created.pk, NOW, actor="ann")
    assert (undone.state, undone.n_resumed) == (PauseSetState.UNDOING, 2)
    while step_once(NOW):
        pass
    created.refresh_from_db()
    assert (created.state, created.n_resumed, set(states().values())) == (PauseSetState.UNDONE, 5, {"active"})


def test_undoing_a_set_that_is_still_pausing_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pause_sets, "MAX_JOBS_PER_STEP", 2)
    for number in range(5):
        make_job(f"job {number}")
    created = start(select(), NOW, actor="ann")
    undo(created.pk, NOW, actor="ben")
    while step_once(NOW):
        pass
    created.refresh_from_db()
    assert (created.n_paused, created.n_resumed, set(states().values())) == (2, 2, {"active"})


def test_a_set_that_is_being_undone_cannot_be_undone_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pause_sets, "MAX_JOBS_PER_STEP", 2)
    for number in range(5):
        make_job(f"job {number}")
    created = start(select(), NOW, actor="ann")
    assert undo(created.pk, NOW, actor="ben").state == PauseSetState.UNDOING
    with pytest.raises(JobConflict):
        undo(created.pk, NOW, actor="eve", catch_up=Resumption.ALL)
    created.refresh_from_db()
    assert (created.undone_by, created.undo_catch_up, created.n_resumed) == ("ben", Resumption.NONE, 2)


def test_a_job_that_cannot_be_resumed_does_not_keep_the_others_paused() -> None:
    broken = make_job("broken")
    make_job("sound")
    created = start(select(), NOW, actor="ann")
    Job.objects.filter(pk=broken.pk).update(schedule={"kind": "of another version"})
    assert undo(created.pk, NOW, actor="ann").state == PauseSetState.UNDONE
    assert states() == {"broken": "paused", "sound": "active"}


def test_the_preview_of_an_undo_leaves_out_jobs_that_cannot_be_resumed() -> None:
    unreadable_schedule, unreadable_policies = make_job("broken"), make_job("vague")
    make_job("sound")
    created = start(select(), NOW, actor="ann")
    Job.objects.filter(pk=unreadable_schedule.pk).update(schedule={"kind": "of another version"})
    RunSpec.objects.filter(pk=unreadable_policies.spec_id).update(policies={"of": "another version"})
    # The undo resumes a job with unreadable policies; a tick starts no run of it until the policies are repaired.
    assert preview_undo(created, at(2), (Resumption.NONE, Resumption.ALL)) == {
        Resumption.NONE: UndoPreview(2, 0, is_more=False),
        Resumption.ALL: UndoPreview(2, 2, is_more=False),
    }
    assert undo(created.pk, at(2), actor="ann", catch_up=Resumption.ALL).n_resumed == 2


def test_a_set_that_is_paused_already_and_due_once_more_resumes_no_job() -> None:
    make_job("bill")
    created = start(select(search="bill"), NOW, actor="ann")
    PauseSet.objects.update(due_at=NOW)
    assert step_once(at(1), created.pk)
    created.refresh_from_db()
    assert (created.state, created.due_at, created.n_resumed, states()) == ("paused", None, 0, {"bill": "paused"})
