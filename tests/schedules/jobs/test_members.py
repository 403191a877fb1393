"""Every member of a job survives a change of another one, and a change of it arrives: in API, form and registration.

The tests run over `MEMBERS` and over the fields of schedules and policies. A new member fails here until it has a
sample, and then wherever it is forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from schedules.admin.form.form import JobForm
from schedules.api.shapes import Job as JobShape
from schedules.api.shapes import JobChange
from schedules.jobs import chains, definitions
from schedules.jobs.members import COLUMNS, MEMBERS, JobDefinition, stored_members
from schedules.jobs.registration import Outcome, register
from schedules.jobs.schedule_shape import Schedule
from schedules.jobs.validation import validate
from schedules.models import Job
from schedules.policies import JobPolicies
from tests.factories import ECHO, NOW, make_flag, make_job
from tests.job_form import sent

if TYPE_CHECKING:
    from tests.documented import DocumentedClient

pytestmark = pytest.mark.django_db

OTHER_JOB = "another job's id"  # replaced by a real one
CRON = {"cron": "0 9 * * *"}

# For each member two values that differ, neither of them the default.
SAMPLES: dict[str, tuple[Any, Any]] = {
    "name": ("first", "second"),
    "description": ("what it is for", "whom to ask"),
    "schedule": ({"cron": "0 9 * * *", "timezone": "Europe/Paris"}, {"every": "15m"}),
    "start_after": ([{"job": OTHER_JOB, "on": "failure"}], [{"job": OTHER_JOB, "on": "completion"}]),
    "target": (ECHO, {"kind": "http", "url": "https://example.com/hook", "method": "POST"}),
    "payload": ({"message": "one"}, {"message": "two"}),
    "policies": ({"overlap": "allow"}, {"timeout": "7s"}),
}
POLICIES: dict[str, tuple[Any, Any]] = {
    "overlap": ("allow", "buffer_one"),
    "timeout": ("7s", "9s"),
    "delivery": ("at_least_once", "at_most_once"),
    "retry": ({"max_retries": 1}, {"max_retries": 2}),
    "catch_up": ({"mode": "all"}, {"mode": "first"}),
    "jitter": ("5m", "7m"),
    "priority": ("high", "low"),
    "concurrency": ({"limit": 3}, {"limit": 4}),
    "rate_limit": ({"limit": 3}, {"limit": 4}),
    "start_deadline": ("90m", "80m"),
    "pause_after_failures": (5, 6),
    "feature_flag": ("new-billing", "old-billing"),
}
SCHEDULES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "kind": ({"kind": "none"}, CRON),
    "cron": (CRON, {"cron": "0 10 * * *"}),
    "every": ({"every": "15m"}, {"every": "20m"}),
    "anchor_at": (
        {"every": "1h", "anchor_at": "2026-11-20T12:05:00Z"},
        {"every": "1h", "anchor_at": "2026-11-20T12:06:00Z"},
    ),
    "at": ({"at": "2031-01-01T00:00:00Z"}, {"at": "2032-01-01T00:00:00Z"}),
    "solar": (
        {"solar": "sunset", "latitude": 52.5, "longitude": 13.4},
        {"solar": "sunrise", "latitude": 52.5, "longitude": 13.4},
    ),
    "latitude": (
        {"solar": "sunset", "latitude": 52.5, "longitude": 13.4},
        {"solar": "sunset", "latitude": 51.5, "longitude": 13.4},
    ),
    "longitude": (
        {"solar": "sunset", "latitude": 52.5, "longitude": 13.4},
        {"solar": "sunset", "latitude": 52.5, "longitude": 14.4},
    ),
    "delay": ({"delay": "15m"}, {"delay": "20m"}),
    "specs": ({"specs": [CRON, {"every": "6h"}]}, {"specs": [CRON, {"every": "7h"}]}),
    "timezone": ({**CRON, "timezone": "Europe/Paris"}, {**CRON, "timezone": "Asia/Tokyo"}),
    "dst_gap": ({**CRON, "dst_gap": "skip"}, CRON),
    "dst_fold": ({**CRON, "dst_fold": "both"}, CRON),
    "start_at": ({**CRON, "start_at": "2030-01-01T00:00:00Z"}, {**CRON, "start_at": "2030-01-02T00:00:00Z"}),
    "end_at": ({**CRON, "end_at": "2030-01-01T00:00:00Z"}, {**CRON, "end_at": "2030-01-02T00:00:00Z"}),
    "max_runs": ({**CRON, "max_runs": 3}, {**CRON, "max_runs": 4}),
}
ALL = (
    [({name: first}, {name: second}) for name, (first, second) in SAMPLES.items()]
    + [({"policies": {name: first}}, {"policies": {name: second}}) for name, (first, second) in POLICIES.items()]
    + [({"schedule": first}, {"schedule": second}) for first, second in SCHEDULES.values()]
)
NAMES = [*MEMBERS, *(f"policies.{name}" for name in POLICIES), *(f"schedule.{name}" for name in SCHEDULES)]


def definition(change: dict[str, Any]) -> dict[str, Any]:
    """Return a whole definition with the first sample of every member, and this change of it."""
    data = {name: first for name, (first, _) in SAMPLES.items()} | change
    if data["schedule"].get("kind") == "none":
        data["policies"] = {
            name: value for name, value in data["policies"].items() if name not in ("catch_up", "jitter")
        }
    if data["target"] != ECHO:
        data["payload"] = None
    return data


@pytest.fixture
def source() -> str:
    make_flag("new-billing")
    make_flag("old-billing")
    return str(make_job("source").pk)


def named(value: Any, source: str) -> Any:
    """Return a sample with the id of the other job in its place."""
    if isinstance(value, dict):
        return {name: named(each, source) for name, each in value.items()}
    if isinstance(value, list):
        return [named(each, source) for each in value]
    return source if value == OTHER_JOB else value


def made(change: dict[str, Any], source: str) -> Job:
    """Create a job and read it back."""
    job = definitions.create(validate(named(definition(change), source), NOW), NOW, actor="tests")
    return Job.objects.select_related("spec").get(pk=job.pk)


def members_of(job: Job) -> dict[str, Any]:
    return stored_members(Job.objects.select_related("spec").get(pk=job.pk))


def test_every_member_policy_and_field_of_a_schedule_has_a_sample() -> None:
    assert set(SAMPLES) == set(MEMBERS)
    assert set(POLICIES) == set(JobPolicies.model_fields)
    assert set(SCHEDULES) == set(Schedule.model_fields)


def test_every_member_is_stored_documented_and_shown() -> None:
    assert set(COLUMNS) | {"start_after"} == set(MEMBERS)
    assert set(JobDefinition.model_fields) == set(JobChange.model_fields) == set(MEMBERS)
    assert set(MEMBERS) <= set(JobShape.model_fields)
    assert all(field.description for field in JobDefinition.model_fields.values())


@pytest.mark.parametrize(("first", "second"), ALL, ids=NAMES)
def test_a_member_is_stored_and_another_value_of_it_differs(
    first: dict[str, Any], second: dict[str, Any], source: str
) -> None:
    job = made(first, source)
    before = members_of(job)
    (name,) = first
    again, other = (validate(named(definition(each), source), NOW, job) for each in (first, second))
    assert definitions.changed_members(job, again, chains.of(job.pk)) == set()
    assert name in definitions.changed_members(job, other, chains.of(job.pk))
    replaced = definitions.replace(job.pk, other, NOW, actor="tests")
    assert members_of(replaced)[name] != before[name]


@pytest.mark.parametrize(("first", "second"), ALL, ids=NAMES)
def test_a_patch_of_another_member_keeps_it(
    first: dict[str, Any], second: dict[str, Any], source: str, api: DocumentedClient
) -> None:
    job = made(first, source)
    before = members_of(job)
    (name,) = first
    change = {"name": "renamed"} if name == "description" else {"description": "described anew"}
    response = api.send("PATCH", f"/api/v1/jobs/{job.pk}", change)
    assert response.status_code == 200, response.content
    assert members_of(job) == before | change
    assert response.json()[name] == api.get(f"/api/v1/jobs/{job.pk}").json()[name] == before[name]


@pytest.mark.parametrize(("first", "second"), ALL, ids=NAMES)
def test_a_patch_changes_it_and_nothing_else(
    first: dict[str, Any], second: dict[str, Any], source: str, api: DocumentedClient
) -> None:
    job = made(first, source)
    before = members_of(job)
    change = {
        name: named(value, source) for name, value in definition(second).items() if value != definition(first)[name]
    }
    response = api.send("PATCH", f"/api/v1/jobs/{job.pk}", change)
    assert response.status_code == 200, response.content
    after = members_of(job)
    assert {name for name in MEMBERS if after[name] != before[name]} == set(change)


@pytest.mark.parametrize(("first", "second"), ALL, ids=NAMES)
def test_what_a_get_shows_can_be_put_back(
    first: dict[str, Any], second: dict[str, Any], source: str, api: DocumentedClient
) -> None:
    job = made(first, source)
    before = members_of(job)
    shown = api.get(f"/api/v1/jobs/{job.pk}").json()
    assert api.send("PUT", f"/api/v1/jobs/{job.pk}", shown).status_code == 200
    assert members_of(job) == before
    assert members_of(job) == {name: shown[name] for name in MEMBERS}


@pytest.mark.parametrize(("first", "second"), ALL, ids=NAMES)
def test_saving_the_untouched_form_keeps_it(first: dict[str, Any], second: dict[str, Any], source: str) -> None:
    job = made(first, source)
    before = members_of(job)
    form = JobForm(sent(JobForm(instance=job)), instance=made_again(job))
    assert form.is_valid(), form.errors
    assert form.definition is not None
    definitions.replace(job.pk, form.definition, form.now, actor="tests")
    assert members_of(job) == before


def made_again(job: Job) -> Job:
    return Job.objects.select_related("spec").get(pk=job.pk)


@pytest.mark.parametrize(("first", "second"), ALL, ids=NAMES)
def test_registering_another_value_changes_it(first: dict[str, Any], second: dict[str, Any], source: str) -> None:
    def registered(change: dict[str, Any]) -> tuple[Outcome, dict[str, Any]]:
        found = register({"key": named(definition(change), source)}, NOW, actor="tests")["key"]
        return found.outcome, members_of(found.job)

    (name,) = first
    created, before = registered(first)
    again, kept = registered(first)
    changed, after = registered(second)
    assert (created, again, changed) == (Outcome.CREATED, Outcome.UNCHANGED, Outcome.CHANGED)
    assert kept == before
    assert after[name] != before[name]
