"""Proves that any input gets a valid response or a 400 that names the wrong field, never a 500."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from pydantic import BaseModel

from executions.targets.command.target import CommandConfig
from executions.targets.http.config import HttpConfig
from schedules.api.jobs import JobFilters
from schedules.api.schedule_shapes import PreviewRequest
from schedules.api.shapes import Pause
from schedules.jobs.members import JobDefinition
from schedules.jobs.schedule_shape import Schedule
from schedules.policies import JobPolicies
from tests.documented import DocumentedClient, fields_of, problem_of
from tests.factories import ECHO, make_job
from tests.nonsense import VALUES, is_about, with_value

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.long

CRON = {"cron": "0 0 1 1 *"}
HTTP = {"kind": "http", "method": "POST", "url": "https://example.org/hook"}
BODY: dict[str, Any] = {"name": "greeting", "schedule": CRON, "target": ECHO, "policies": {}}
SCHEDULES: dict[str, dict[str, Any]] = {
    "every": {"every": "1h"},
    "anchor_at": {"every": "1h"},
    "at": {"at": "2100-01-01T00:00:00Z"},
}


def fields_within(model: type[BaseModel], path: str) -> Iterator[str]:
    """Yield every dotted field of a model and of its nested models."""
    for name, field in model.model_fields.items():
        yield f"{path}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields_within(field.annotation, f"{path}{name}.")


def job_fields() -> list[tuple[str, dict[str, Any]]]:
    """Return every dotted field of a job's body, each with a valid body of a kind that uses the field."""
    found: list[tuple[str, dict[str, Any]]] = [(name, BODY) for name in JobDefinition.model_fields]
    for path in fields_within(Schedule, "schedule."):
        schedule = SCHEDULES.get(path.removeprefix("schedule."), CRON)
        found.append((path, {**BODY, "schedule": schedule}))
    found += [(path, BODY) for path in fields_within(JobPolicies, "policies.")]
    found += [(path, {**BODY, "target": ECHO}) for path in fields_within(CommandConfig, "target.")]
    found += [(path, {**BODY, "target": HTTP}) for path in fields_within(HttpConfig, "target.")]
    found += [("payload", {**BODY, "target": HTTP}), ("payload.message", {**BODY, "payload": {}})]
    found += [("target.headers.X-Token", {**BODY, "target": HTTP}), ("target.query.page", {**BODY, "target": HTTP})]
    return found


FIELDS = job_fields()


def test_the_samples_contain_every_field_of_a_job() -> None:
    paths = {path for path, _ in FIELDS}

    assert {
        "name",
        "schedule.dst_fold",
        "target.verify_tls",
        "policies.retry.jitter",
        "policies.catch_up.mode",
    } <= paths
    assert len(FIELDS) > 45


@pytest.mark.parametrize(("path", "body"), FIELDS, ids=[path for path, _ in FIELDS])
def test_an_invalid_value_in_a_job_is_a_400_that_names_its_field(
    api: DocumentedClient, path: str, body: dict[str, Any]
) -> None:
    job = make_job(schedule=CRON)
    for number, (title, text) in enumerate(VALUES.items()):
        response = api.send("POST", "/api/v1/jobs", with_value(body, path, text))
        assert response.status_code in (201, 400), f"{title}: {response.content!r}"
        if response.status_code == 400:
            named = fields_of(response)
            assert any(is_about(field, path, text) for field in named), f"{title}: {named}"
        else:
            created = response.json()
            assert api.send("PUT", f"/api/v1/jobs/{created['id']}", created).json()["version"] == 1, title
        if number % 3 == len(path) % 3:  # a PATCH is read by the same shape: a third of the values for each field
            patched = api.send("PATCH", f"/api/v1/jobs/{job.pk}", with_value({}, path, text))
            assert patched.status_code in (200, 400), f"{title}: {patched.content!r}"


@pytest.mark.parametrize("path", list(fields_within(Schedule, "schedule.")))
def test_an_invalid_schedule_is_a_200_for_validate_and_a_400_for_preview(api: DocumentedClient, path: str) -> None:
    for title, text in VALUES.items():
        sent = with_value({"schedule": SCHEDULES.get(path.removeprefix("schedule."), CRON)}, path, text)
        verdict = api.send("POST", "/api/v1/schedules/validate", sent)
        assert verdict.status_code in (200, 400), f"{title}: {verdict.content!r}"
        preview = api.send("POST", "/api/v1/schedules/preview", sent)
        is_valid = verdict.status_code == 200 and verdict.json()["valid"]
        assert preview.status_code == (200 if is_valid else 400), f"{title}: {preview.content!r}"
        if not is_valid:
            named = fields_of(preview)
            assert any(is_about(field, path, text) for field in named), f"{title}: {named}"


@pytest.mark.parametrize("path", list(PreviewRequest.model_fields))
def test_an_invalid_value_in_a_preview_is_a_400_that_names_its_field(api: DocumentedClient, path: str) -> None:
    for title, text in VALUES.items():
        response = api.send("POST", "/api/v1/schedules/preview", with_value({"schedule": CRON}, path, text))
        assert response.status_code in (200, 400), f"{title}: {response.content!r}"
        if response.status_code == 400:
            assert any(is_about(field, path, text) for field in fields_of(response)), title


@pytest.mark.parametrize("path", list(Pause.model_fields))
def test_an_invalid_value_in_a_pause_is_a_400_that_names_its_field(api: DocumentedClient, path: str) -> None:
    job = make_job(schedule=CRON)
    for title, text in VALUES.items():
        response = api.send("POST", f"/api/v1/jobs/{job.pk}/pause", with_value({}, path, text))
        assert response.status_code in (200, 400), f"{title}: {response.content!r}"
        if response.status_code == 400:
            assert any(is_about(field, path, text) for field in fields_of(response)), title


@pytest.mark.parametrize("path", ["/jobs", "/jobs/{job}/run", "/jobs/{job}/resume", "/schedules/validate"])
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"name": "\xff"}',
        b"\xff\xfe{\x00}\x00",
        b'{"name": NaN}',
        b'{"name": -Infinity}',
        b"[" * 50_000,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b"1" * 5000,
        b'{"name": ' + b"9" * 5000 + b"}",
        b"nonsense",
        b"[]",
        b'"text"',
        b"null",
    ],
    ids=[
        "truncated",
        "not UTF-8",
        "UTF-16",
        "NaN",
        "infinity",
        "deeply nested list",
        "deeply nested object",
        "long number",
        "long number in an object",
        "word",
        "list",
        "text",
        "null",
    ],
)
def test_a_body_that_is_not_a_json_object_is_a_400(api: DocumentedClient, path: str, body: bytes) -> None:
    job = make_job(schedule=CRON)

    problem_of(api.send("POST", f"/api/v1{path.format(job=job.pk)}", body), 400)


TEXTS = [
    "",
    " ",
    "nonsense",
    "-1",
    "0",
    "1e400",
    "9" * 400,
    "\0",
    "a\0b",
    "💥",
    "x" * 3000,
    "[]",
    "{",
    "null",
    "NaN",
    ",",
]
INSTANTS = ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-11-20", "2026-11-20T12:00:00 00:00"]


@pytest.mark.parametrize("name", [*JobFilters.model_fields, "unknown", "na\0me", ""])
def test_an_invalid_value_in_a_query_is_a_400_that_names_its_parameter(api: DocumentedClient, name: str) -> None:
    for text in [quote(text) for text in TEXTS + INSTANTS] + ["%ff%fe", "%ED%A0%80"]:
        response = api.get(f"/api/v1/jobs?{quote(name)}={text}")
        assert response.status_code in (200, 400), f"{text}: {response.content!r}"
        if response.status_code == 400:
            assert fields_of(response) == [name.replace("\0", "")], text
        else:
            assert name in ("search", "name"), text


def test_an_unknown_or_repeated_parameter_is_a_400(api: DocumentedClient) -> None:
    job = make_job(schedule=CRON)

    assert fields_of(api.get(f"/api/v1/jobs/{job.pk}?format=xml")) == ["format"]
    assert fields_of(api.send("POST", f"/api/v1/jobs/{job.pk}/run?now=1")) == ["now"]
    assert fields_of(api.get("/api/v1/jobs?page_size=1&page_size=2")) == ["page_size"]
