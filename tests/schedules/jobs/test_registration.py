"""Proves that registration creates, changes or leaves each job by its key, all jobs or none."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from structlog.testing import capture_logs

from access import visibility
from access.visibility import Action
from executions.models import Run, RunSpec, Watch
from schedules import triggers
from schedules.exceptions import InvalidRegistration
from schedules.jobs import chains, definitions, registration
from schedules.jobs.registration import Outcome, Registered, find, register, unregister
from schedules.jobs.schedule_shape import TOO_COSTLY
from schedules.models import Job, JobState, ScheduleSpan
from schedules.pauses.terms import PauseTerms
from schedules.tick import tick
from schedules.zone_data.adoption import adopt
from tests.factories import ECHO, HELLO, NOW, make_job

if TYPE_CHECKING:
    from access.visibility import Caller

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def wanted(name: str = "greeting", **definition: Any) -> dict[str, Any]:
    return {"name": name, "schedule": {"every": "1m"}, "target": ECHO, "payload": HELLO, **definition}


def put(now: Any = NOW, **definitions_by_key: dict[str, Any]) -> dict[str, Registered]:
    return register(definitions_by_key, now, actor="tests")


def outcomes(found: dict[str, Registered]) -> dict[str, str]:
    return {key: each.outcome.value for key, each in found.items()}


def test_registration_creates_complete_jobs_in_the_given_order() -> None:
    plain = make_job("by itself", {"every": "1m"})
    found = put(b=wanted("second", schedule={"delay": "5m"}), a=wanted("first"))
    assert list(found) == ["b", "a"]
    assert outcomes(found) == {"b": "created", "a": "created"}

    job = Job.objects.select_related("spec").get(key="a")
    assert (job.name, job.spec.job_id, job.spec.version, job.spec.target) == ("first", job.pk, 1, ECHO)
    assert {**job.schedule, "anchor_at": None} == {**plain.schedule, "anchor_at": None}
    assert (job.mark_at, job.next_run_at, job.state) == (plain.mark_at, plain.next_run_at, plain.state)
    span = ScheduleSpan.objects.get(job_id=job.pk)
    assert (span.schedule, span.from_at, span.until_at) == (job.schedule, job.mark_at, None)
    tick(NOW + MINUTE, 10)
    assert Run.objects.filter(job=job).count() == 1


@pytest.mark.parametrize("solar", [{}, {"latitude": 89}])
def test_jobs_whose_schedules_take_too_long_together_are_refused(
    solar: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "MAX_REGISTRATION_STEPS", 20_000)
    event = {"solar": "dawn_astronomical", "latitude": 48, "longitude": 2, "timezone": "UTC", **solar}
    jobs = {f"job-{number}": wanted(schedule=[event, {"every": "1m"}]) for number in range(200)}
    with pytest.raises(InvalidRegistration) as caught:
        put(**jobs)
    assert all(errors == {"schedule": [TOO_COSTLY]} for errors in caught.value.errors.values())
    assert "job-0" not in caught.value.errors
    assert not Job.objects.exists()

    monkeypatch.undo()
    assert len(put(**{key: jobs[key] for key in list(jobs)[:20]})) == 20


def test_a_job_that_already_matches_is_left_unchanged() -> None:
    job = put(a=wanted(), b=wanted(schedule={"at": "2026-11-20T12:01:00Z"}))["a"].job
    tick(NOW + MINUTE, 10)
    triggers.pause(job.pk, NOW + MINUTE, actor="ann", terms=PauseTerms(reason="moving"))
    before = list(Job.objects.order_by("key").values())
    assert before[1]["state"] == JobState.ENDED

    again = put(NOW + 90 * MINUTE, a=wanted(), b=wanted(schedule={"at": "2026-11-20T12:01:00Z"}))
    assert outcomes(again) == {"a": "unchanged", "b": "unchanged"}
    assert list(Job.objects.order_by("key").values()) == before
    assert RunSpec.objects.count() == 2


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"description": "what it does"},
        {"schedule": {"every": "2m"}},
        {"payload": {"message": "good night"}},
        {"policies": {"overlap": "allow"}},
        {"target": {"kind": "http", "url": "https://example.com"}, "payload": None},
    ],
)
def test_only_jobs_that_differ_are_changed(change: dict[str, Any]) -> None:
    put(a=wanted(), b=wanted())
    before = Job.objects.get(key="b")
    later = NOW + timedelta(seconds=30)
    assert outcomes(put(later, a=wanted(**change), b=wanted(), c=wanted())) == {
        "a": "changed",
        "b": "unchanged",
        "c": "created",
    }
    changed = find("a")
    assert changed is not None
    assert changed.updated_at == later
    shown = {
        "name": changed.name,
        "description": changed.description,
        "schedule": {"every": changed.schedule["every"]},
        "payload": changed.spec.payload,
        "policies": {"overlap": changed.spec.policies["overlap"]},
        "target": {name: changed.spec.target.get(name) for name in ("kind", "url")},
    }
    for name, value in change.items():
        assert shown[name] == value
    assert Job.objects.get(key="b").updated_at == before.updated_at
    assert outcomes(put(later, a=wanted(**change))) == {"a": "unchanged"}


@pytest.mark.parametrize(
    ("one", "other", "outcome"),
    [
        ({"n": [1]}, {"n": [True]}, "changed"),
        ({"n": 0}, {"n": False}, "changed"),
        ([1, 2], [2, 1], "changed"),
        ([1], [1, 2], "changed"),
        ({"a": None}, {}, "changed"),
        ({"a": 1, "b": 1e22}, {"a": 1, "b": 1e22}, "unchanged"),
        ({"a": 1, "b": 1e22}, {"b": 1e22, "a": 1}, "changed"),
        ([1e23, 6.02214076e23, 1.7e99], [1e23, 6.02214076e23, 1.7e99], "unchanged"),
        ([2**70], [2**70 + 1], "changed"),
        ([0.1, 1e-7, 2**70, "ä\u2028", {}], [0.1, 1e-7, 2**70, "ä\u2028", {}], "unchanged"),
    ],
)
def test_payloads_are_compared_as_json(one: Any, other: Any, outcome: str) -> None:
    target = {"kind": "http", "method": "POST", "url": "https://example.com"}
    put(a=wanted(target=target, payload=one))
    assert outcomes(put(a=wanted(target=target, payload=other))) == {"a": outcome}


def test_registration_stores_and_compares_chains() -> None:
    source = make_job("load", {"kind": "none"})
    after = [{"job": str(source.pk), "on": "failure"}]
    job = put(a=wanted(start_after=after))["a"].job
    assert [(link.job, link.on) for link in chains.of(job.pk)] == [(source.pk, "failure")]
    assert outcomes(put(a=wanted(start_after=after))) == {"a": "unchanged"}
    assert outcomes(put(a=wanted(start_after=[{"job": str(source.pk), "on": "success"}]))) == {"a": "changed"}
    assert outcomes(put(a=wanted())) == {"a": "changed"}
    assert chains.of(job.pk) == ()


def test_one_invalid_job_refuses_the_whole_registration() -> None:
    put(a=wanted())
    with pytest.raises(InvalidRegistration) as caught:
        put(
            a=wanted("other"), b=wanted(schedule={"cron": "75 * * * *"}), c=wanted(target={"kind": "magic"}), d=wanted()
        )
    assert {key: list(errors) for key, errors in caught.value.errors.items()} == {
        "b": ["schedule.cron"],
        "c": ["target.kind"],
    }
    assert "b: schedule.cron; c: target.kind" in str(caught.value)
    assert list(Job.objects.values_list("key", "name")) == [("a", "greeting")]


def test_equal_intervals_keep_their_own_anchors() -> None:
    both = [{"every": "1m", "anchor_at": "2026-11-01T00:00:30Z"}, {"every": "1m"}]
    first = put(a=wanted(schedule=both), b=wanted(schedule=both[::-1]))
    assert first["a"].job.schedule["specs"] == first["b"].job.schedule["specs"][::-1]
    assert outcomes(put(NOW + 10 * MINUTE, a=wanted(schedule=both), b=wanted(schedule=both[::-1]))) == {
        "a": "unchanged",
        "b": "unchanged",
    }
    assert outcomes(put(NOW + 10 * MINUTE, a=wanted(schedule=[*both, {"every": "1m"}]))) == {"a": "changed"}


def test_jobs_with_the_same_sources_need_few_statements_each(django_assert_max_num_queries: Any) -> None:
    sources = [make_job(f"source {number}", {"kind": "none"}) for number in range(20)]
    after = [{"job": str(source.pk)} for source in sources]
    with django_assert_max_num_queries(10 + 10 * 10):
        put(**{f"job-{number}": wanted(start_after=after) for number in range(10)})
    assert set(Watch.objects.values_list("job_id", flat=True)) == {source.pk for source in sources}


def test_two_jobs_that_close_a_cycle_together_are_refused() -> None:
    found = put(a=wanted("first"), b=wanted("second"))
    ids = {key: str(each.job.pk) for key, each in found.items()}
    with pytest.raises(InvalidRegistration) as caught:
        put(a=wanted("first", start_after=[{"job": ids["b"]}]), b=wanted("second", start_after=[{"job": ids["a"]}]))
    assert {key: list(errors) for key, errors in caught.value.errors.items()} == {"b": ["start_after.0.job"]}
    assert chains.of(found["a"].job.pk) == ()


def test_an_unregistered_key_can_be_registered_again_as_a_new_job() -> None:
    first = put(a=wanted())["a"].job
    unregister("a", NOW, actor="tests")
    unregister("a", NOW, actor="tests")
    assert find("a") is None
    second = put(NOW + MINUTE, a=wanted())["a"]
    assert second.outcome is Outcome.CREATED
    assert second.job.pk != first.pk
    tick(NOW + 2 * MINUTE, 10)
    assert list(Run.objects.values_list("job", flat=True)) == [second.job.pk]


def test_jobs_with_and_without_keys_may_have_the_same_name() -> None:
    make_job("greeting")
    make_job("greeting")
    assert outcomes(put(a=wanted("greeting"))) == {"a": "created"}
    definitions.delete(put(a=wanted("greeting"))["a"].job.pk, NOW, actor="tests")
    assert Job.objects.filter(name="greeting", key=None).count() == 2


def test_registration_enables_the_follow_ups_that_a_job_needs() -> None:
    registered = put(a=wanted(schedule={"delay": "5m"}), b=wanted())
    assert list(Watch.objects.values_list("job_id", flat=True)) == [registered["a"].job.pk]


def test_creating_200_jobs_needs_nine_statements(django_assert_num_queries: Any) -> None:
    adopt(NOW)  # before the first beat, the version of the time zone data is stored too
    with django_assert_num_queries(9):
        register({f"job-{number}": wanted(f"job {number}") for number in range(200)}, NOW, actor="tests")


def test_only_committed_changes_are_logged(django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks():
        ids = {key: str(each.job.pk) for key, each in put(a=wanted("a"), b=wanted("b"), c=wanted("c")).items()}
    cycle = {
        "a": wanted("a", start_after=[{"job": ids["b"]}]),
        "b": wanted("b", start_after=[{"job": ids["a"]}]),
        "c": wanted("other"),
        "d": wanted("d"),
    }
    with capture_logs() as logs, django_capture_on_commit_callbacks(execute=True):
        with pytest.raises(InvalidRegistration):
            put(**cycle)
        d = put(a=wanted("a"), c=wanted("other"), d=wanted("d"))["d"].job
        unregister("b", NOW, actor="tests")
    assert [(entry["event"], entry["action"], entry["job"], entry["name"]) for entry in logs] == [
        ("job_created", "create", str(d.pk), "d"),
        ("job_changed", "replace", ids["c"], "other"),
        ("job_deleted", "delete", ids["b"], "b"),
    ]


def test_new_jobs_are_stored_in_the_order_of_their_keys() -> None:
    # Two registrations of the same new keys take their locks in the same order, and cannot deadlock.
    put(c=wanted(), a=wanted(), b=wanted())
    assert list(Job.objects.order_by("spec_id").values_list("key", flat=True)) == ["a", "b", "c"]


def test_the_key_of_a_job_that_the_caller_may_only_view_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    job = put(a=wanted())["a"].job

    def limits(label: str, caller: Caller, action: Action) -> Q | None:
        return ~Q(pk=job.pk) if label == "schedules.job" and action is Action.CHANGE else None

    monkeypatch.setattr(visibility, "limits", limits)
    with pytest.raises(PermissionDenied, match="A requested key belongs to a job that you may not change"):
        put(a=wanted("another name"))
    assert Job.objects.get().name == "greeting"
