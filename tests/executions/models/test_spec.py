"""Proves that a definition returns targets and payloads as they were given, with the order of their members."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from executions.models import Run, RunSpec
from schedules.jobs import definitions
from schedules.jobs.registration import register
from schedules.jobs.validation import validate
from schedules.models import Job
from tests.factories import NOW, claim, make_job, make_run
from values.json_values import is_kept_by_jsonb

pytestmark = pytest.mark.django_db

PAYLOAD = {"zeta": 1, "alpha": [], "mid": {"b": 1, "a": 2}}
HTTP: dict[str, Any] = {
    "kind": "http",
    "url": "https://example.org/a",
    "method": "POST",
    "headers": {"X-Zeta": "1", "X-A": "2"},
    "query": {"zeta": "1", "a": ["2", "1"]},
}
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x == 0 or 1e-50 < abs(x) < 1e50)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3), inner)
    ),
    max_leaves=8,
)


def text_of(value: object) -> str:
    return json.dumps(value)


def spec_of(job: Job) -> RunSpec:
    return Job.objects.select_related("spec").get(pk=job.pk).spec


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES)
def test_it_is_known_which_values_jsonb_returns_as_they_were_given(value: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT (%s::jsonb)::text", [json.dumps(value)])
        returned = json.loads(cursor.fetchone()[0])
    if is_kept_by_jsonb(value):
        assert text_of(returned) == text_of(value)


@pytest.mark.parametrize(
    "value", [{"b": 1, "a": 2}, {"aa": 1, "b": 2}, [{"é": 1, "z": 2}], {"a": {"c": 1, "b": 2}}, -0.0, 1e22]
)
def test_what_jsonb_would_change_is_known(value: object) -> None:
    assert not is_kept_by_jsonb(value)


@pytest.mark.parametrize(
    "value", [{"a": 1, "b": 2}, {"b": 1, "aa": 2}, [1.5, 1e-7, 10**30, None, "x"], {}, {"a": [{}]}]
)
def test_what_jsonb_keeps_needs_no_text(value: object) -> None:
    assert is_kept_by_jsonb(value)
    spec = spec_of(make_job(target=HTTP | {"headers": {}, "query": {}}, payload=value))
    assert (spec.payload_as_given, spec.target_as_given) == (None, None)


def test_a_definition_keeps_the_order_of_members() -> None:
    job = make_job(target=HTTP, payload=PAYLOAD)
    spec = spec_of(job)
    assert text_of(spec.payload) == text_of(PAYLOAD)
    assert text_of(spec.target["headers"]) == text_of(HTTP["headers"])
    assert text_of(spec.target["query"]) == text_of(HTTP["query"])
    for reader in (
        RunSpec.objects.defer("payload").get(),
        RunSpec.objects.only("id").get(),
        Run.objects.select_related("spec").get(pk=make_run(job).pk).spec,
    ):
        assert text_of(reader.payload) == text_of(PAYLOAD)
        assert text_of(reader.target["query"]) == text_of(HTTP["query"])


def test_a_worker_gets_the_order_that_was_given() -> None:
    claimed = claim(make_run(make_job(target=HTTP, payload=PAYLOAD)))
    assert text_of(claimed.payload) == text_of(PAYLOAD)
    assert text_of(claimed.target["headers"]) == text_of(HTTP["headers"])


@pytest.mark.parametrize("payload", [None, False, 0, "", [], {}, "null"])
def test_a_worker_gets_every_small_payload(payload: object) -> None:
    assert claim(make_run(make_job(target=HTTP, payload=payload))).payload == payload


def test_a_definition_that_the_previous_version_has_stored_is_read() -> None:
    job = make_job(target=HTTP, payload=PAYLOAD)
    RunSpec.objects.update(payload_as_given=None, target_as_given=None)
    assert spec_of(job).payload == PAYLOAD
    claimed = claim(make_run(job))
    assert (claimed.payload, claimed.target["query"]) == (PAYLOAD, HTTP["query"])


class TestChange:
    def version_after(self, job: Job, **changed: Any) -> int:
        data = {"name": "greeting", "target": HTTP, "payload": PAYLOAD} | changed
        known = Job.objects.select_related("spec").get(pk=job.pk)
        definitions.replace(job.pk, validate(data, NOW, known), NOW, actor="tests")
        return spec_of(job).version

    def test_another_order_is_a_new_version(self) -> None:
        job = make_job(schedule={"kind": "none"}, target=HTTP, payload=PAYLOAD)
        assert self.version_after(job) == 1
        assert self.version_after(job, payload=dict(reversed(PAYLOAD.items()))) == 2
        assert self.version_after(job, payload=dict(reversed(PAYLOAD.items()))) == 2
        assert self.version_after(job, payload={**PAYLOAD, "mid": {"a": 2, "b": 1}}) == 3
        headers = {**HTTP, "headers": dict(reversed(HTTP["headers"].items()))}
        assert self.version_after(job, payload={**PAYLOAD, "mid": {"a": 2, "b": 1}}, target=headers) == 4

    @pytest.mark.parametrize(
        ("one", "other"),
        [(1, 1.0), (100, 1e2), (0.0, -0.0), (10**22, 1e22), ({"a": [1]}, {"a": [1.0]})],
        ids=["whole float", "exponent", "zero", "large float", "nested"],
    )
    def test_a_number_that_is_written_differently_is_a_new_version(self, one: object, other: object) -> None:
        job = make_job(schedule={"kind": "none"}, target=HTTP, payload=one)
        assert self.version_after(job, payload=one) == 1
        assert self.version_after(job, payload=other) == 2
        assert self.version_after(job, payload=other) == 2
        assert text_of(claim(make_run(Job.objects.get(pk=job.pk))).payload) == text_of(other)
        assert self.version_after(job, payload=one) == 3

    def test_a_registration_with_another_kind_of_number_changes_the_job(self) -> None:
        definition = {"name": "x", "target": HTTP, "payload": [1]}
        assert register({"a": definition}, NOW, actor="tests")["a"].outcome == "created"
        assert register({"a": definition | {"payload": [1.0]}}, NOW, actor="tests")["a"].outcome == "changed"
        assert register({"a": definition | {"payload": [1.0]}}, NOW, actor="tests")["a"].outcome == "unchanged"

    def test_the_order_of_the_targets_own_members_means_nothing(self) -> None:
        job = make_job(schedule={"kind": "none"}, target=HTTP, payload=PAYLOAD)
        assert self.version_after(job, target=dict(reversed(HTTP.items()))) == 1

    def test_a_registration_of_the_same_order_changes_nothing(self) -> None:
        definition = {"name": "x", "target": HTTP, "payload": PAYLOAD}
        assert register({"a": definition}, NOW, actor="tests")["a"].outcome == "created"
        assert register({"a": definition}, NOW, actor="tests")["a"].outcome == "unchanged"
        reordered = definition | {"payload": dict(reversed(PAYLOAD.items()))}
        assert register({"a": reordered}, NOW, actor="tests")["a"].outcome == "changed"
        assert register({"a": reordered}, NOW, actor="tests")["a"].outcome == "unchanged"
