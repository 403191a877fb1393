"""Proves that storage, comparison, registration, the API and the job form handle every member of a job's definition.

The tests run over all members, and over the fields of schedules and policies. A new member fails here until it has a
sample, and then in every place that leaves it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from executions.models import RunSpec
from schedules.admin.form import mapping
from schedules.admin.form.errors import place_of
from schedules.api.read_only import StateAtCreation
from schedules.api.registration_shapes import KeyedDefinition
from schedules.api.shapes import Job as JobShape
from schedules.api.shapes import JobChange
from schedules.jobs import chains, definitions
from schedules.jobs.members import COLUMNS, MEMBERS, VERSION_COLUMNS, JobDefinition, stored_members
from schedules.jobs.schedule_shape import Schedule
from schedules.jobs.validation import validate
from schedules.models import Job
from schedules.policies import JobPolicies
from tests.factories import ECHO, NOW, make_flag, make_job
from tests.job_form import EngineJobForm, sent

if TYPE_CHECKING:
    from tests.documented import DocumentedClient

pytestmark = [pytest.mark.long, pytest.mark.django_db]

OTHER_JOB = "another job's id"  # `with_source` replaces it by the id of a job
CRON = {"cron": "0 9 * * *"}

# For each member two different values; neither is the default.
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
    "hash_key": ({"cron": "H 9 * * *", "hash_key": "one"}, {"cron": "H 9 * * *", "hash_key": "two"}),
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
NAMES = [*SAMPLES, *(f"policies.{name}" for name in POLICIES), *(f"schedule.{name}" for name in SCHEDULES)]


def definition(change: dict[str, Any]) -> dict[str, Any]:
    """Return a complete definition: the first sample of every member, with this change."""
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


def with_source(value: Any, source: str) -> Any:
    """Return a sample with the id of an existing job for `OTHER_JOB`."""
    if isinstance(value, dict):
        return {name: with_source(each, source) for name, each in value.items()}
    if isinstance(value, list):
        return [with_source(each, source) for each in value]
    return source if value == OTHER_JOB else value


def create(change: dict[str, Any], source: str) -> Job:
    """Create a job from `definition(change)`, and read it from the database."""
    return reload(definitions.create(validate(with_source(definition(change), source), NOW), NOW, actor="tests"))


def difference(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return the merge patch that makes `second` from `first`."""
    found: dict[str, Any] = dict.fromkeys(first.keys() - second.keys())
    for name, value in second.items():
        if isinstance(value, dict) and isinstance(first.get(name), dict):
            if inner := difference(first[name], value):
                found[name] = inner
        elif name not in first or value != first[name]:
            found[name] = value
    return found


def without_anchors(value: Any) -> Any:
    """Return a definition without its anchors: an anchor that nobody gives depends on the history of the job."""
    if isinstance(value, dict):
        return {name: without_anchors(each) for name, each in value.items() if name != "anchor_at"}
    return [without_anchors(each) for each in value] if isinstance(value, list) else value


def reload(job: Job) -> Job:
    return Job.objects.select_related("spec").get(pk=job.pk)


def members_of(job: Job) -> dict[str, Any]:
    return stored_members(reload(job), chains.of(job.pk))


def test_every_member_policy_and_field_of_a_schedule_has_a_sample() -> None:
    assert set(SAMPLES) == set(MEMBERS)
    assert set(POLICIES) == set(JobPolicies.model_fields)
    assert set(SCHEDULES) == set(Schedule.model_fields)


def test_every_member_is_stored_documented_and_shown() -> None:
    assert set(COLUMNS) | {"start_after"} == set(MEMBERS)
    assert set(JobDefinition.model_fields) == set(JobChange.model_fields) == set(MEMBERS)
    assert set(KeyedDefinition.model_fields) == {*MEMBERS, *StateAtCreation.model_fields, "key"}
    assert set(MEMBERS) <= set(JobShape.model_fields)
    assert all(field.description for field in JobDefinition.model_fields.values())


def test_the_form_has_a_field_for_the_errors_of_every_member_and_policy() -> None:
    errors = [*SAMPLES.keys() - {"policies"}, *(f"policies.{name}" for name in POLICIES)]
    assert [name for name in errors if place_of(name)[0] is None] == []


@pytest.mark.parametrize(("first", "second"), ALL, ids=NAMES)
def test_a_member_is_stored_compared_and_replaced(first: dict[str, Any], second: dict[str, Any], source: str) -> None:
    job = create(first, source)
    before = members_of(job)
    (name,) = first
    again, other = (validate(with_source(definition(each), source), NOW, job) for each in (first, second))
    assert definitions.changed_members(job, again, chains.of(job.pk)) == set()
    assert name in definitions.changed_members(job, other, chains.of(job.pk))
    replaced = definitions.replace(job.pk, other, NOW, actor="tests")
    assert members_of(replaced)[name] != before[name]
    assert replaced.spec.version == (2 if name in VERSION_COLUMNS else 1)
    if name in VERSION_COLUMNS:  # runs of the old version keep its definition
        old = RunSpec.objects.get(job_id=job.pk, version=1)
        assert getattr(old, VERSION_COLUMNS[name]) == before[name]


@pytest.mark.parametrize(("first", "second"), ALL, ids=NAMES)
def test_a_patch_of_another_member_keeps_it(
    first: dict[str, Any], second: dict[str, Any], source: str, api: DocumentedClient
) -> None:
    job = create(first, source)
    before = members_of(job)
    (name,) = first
    change = {"name": "renamed"} if name == "description" else {"description": "described anew"}
    response = api.send("PATCH", f"/api/v1/jobs/{job.pk}", change)
    assert response.status_code == 200, response.content
    assert members_of(job) == before | change
    assert response.json()[name] == api.get(f"/api/v1/jobs/{job.pk}").json()[name] == before[name]


@pytest.mark.parametrize(("first", "second"), ALL, ids=NAMES)
def test_a_patch_of_a_member_changes_only_that_member(
    first: dict[str, Any], second: dict[str, Any], source: str, api: DocumentedClient
) -> None:
    job = create(first, source)
    before = members_of(job)
    change = difference(with_source(definition(first), source), with_source(definition(second), source))
    if second == {"policies": {"delivery": "at_most_once"}}:
        change["policies"]["retry"] = {"max_retries": 0}  # the number of retries stays otherwise, and contradicts
    response = api.send("PATCH", f"/api/v1/jobs/{job.pk}", change)
    assert response.status_code == 200, response.content
    after = members_of(job)
    wanted = members_of(create(second, source))
    assert without_anchors(after) == without_anchors(wanted)
    assert {name for name in MEMBERS if after[name] != before[name]} == set(change)


@pytest.mark.parametrize(("first", "second"), ALL, ids=NAMES)
def test_the_body_of_a_get_can_be_put_back_and_posted(
    first: dict[str, Any], second: dict[str, Any], source: str, api: DocumentedClient
) -> None:
    job = create(first, source)
    before = members_of(job)
    shown = api.get(f"/api/v1/jobs/{job.pk}").json()
    assert {name: shown[name] for name in MEMBERS} == before
    assert api.send("PUT", f"/api/v1/jobs/{job.pk}", shown).status_code == 200
    assert members_of(job) == before
    copy = api.send("POST", "/api/v1/jobs", shown).json()
    assert members_of(Job.objects.get(pk=copy["id"])) == before


@pytest.mark.parametrize(("first", "second"), ALL, ids=NAMES)
def test_saving_the_untouched_form_keeps_a_member(first: dict[str, Any], second: dict[str, Any], source: str) -> None:
    job = create(first, source)
    before = members_of(job)
    form = EngineJobForm(sent(EngineJobForm(instance=job)), instance=reload(job))
    assert form.is_valid(), form.errors
    assert form.definition is not None
    definitions.replace(job.pk, form.definition, form.now, actor="tests")
    assert members_of(job) == before


def test_saving_the_form_keeps_a_policy_that_has_no_field(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "PLAIN_FIELDS", ("overlap", "timeout"))
    job = create({"policies": {"delivery": "at_most_once", "retry": {"max_retries": 0}}}, source)
    before = members_of(job)
    form = EngineJobForm(sent(EngineJobForm(instance=job)), instance=reload(job))
    assert form.is_valid(), form.errors
    assert form.definition is not None
    definitions.replace(job.pk, form.definition, form.now, actor="tests")
    assert members_of(job) == before and before["policies"]["delivery"] == "at_most_once"


@pytest.mark.parametrize(("first", "second"), ALL, ids=NAMES)
def test_saving_the_form_with_another_value_changes_a_member(
    first: dict[str, Any], second: dict[str, Any], source: str
) -> None:
    other = create(second, source)
    for job in (create(first, source), None):  # an existing job, and a new one
        opened = sent(EngineJobForm(instance=job)) if job else {}
        typed = opened | sent(EngineJobForm(instance=other)) | {"opened": opened.get("opened", "")}
        form = EngineJobForm(typed, instance=job)
        assert form.is_valid(), form.errors
        assert form.definition is not None
        assert form.definition.members == members_of(other)


@pytest.mark.parametrize(("first", "second"), ALL, ids=NAMES)
def test_registering_another_value_changes_a_member(
    first: dict[str, Any], second: dict[str, Any], source: str, api: DocumentedClient
) -> None:
    def register(change: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        entry = {"key": "a-key", **with_source(definition(change), source)}
        (registered,) = api.send("PUT", "/api/v1/jobs/by-key", {"jobs": [entry]}).json()["jobs"]
        return registered["outcome"], members_of(Job.objects.get(key="a-key"))

    (name,) = first
    created, before = register(first)
    again, kept = register(first)
    changed, after = register(second)
    assert (created, again, changed) == ("created", "unchanged", "changed")
    assert kept == before
    assert after[name] != before[name]
