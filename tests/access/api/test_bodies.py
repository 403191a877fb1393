"""Proves the size limits of request bodies, and the errors for bodies that exceed them."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from access.api.bodies import JsonParser
from access.api.exceptions import BodyTooLarge
from tests.documented import fields_of, problem_of
from tests.factories import ECHO, make_job

if TYPE_CHECKING:
    from tests.documented import DocumentedClient

KIB = 1024
HTTP = {"kind": "http", "method": "POST", "url": "https://example.org/hook"}
BODY: dict[str, Any] = {"name": "greeting", "target": HTTP}


def of_size(n_bytes: int, body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode().ljust(n_bytes)


def parse(stream: Any, *, content_length: str, limit: int = 10) -> Any:
    request = SimpleNamespace(META={"CONTENT_LENGTH": content_length})
    return JsonParser().parse(stream, None, {"view": SimpleNamespace(max_body_bytes=limit), "request": request})


@pytest.mark.long
@pytest.mark.parametrize(
    ("path", "body", "n_kib", "status"),
    [
        ("/jobs", BODY, 1024, 201),
        ("/schedules/preview", {"schedule": {"every": "1h"}}, 64, 200),
        ("/schedules/validate", {"schedule": {"every": "1h"}}, 64, 200),
        ("/jobs/{job}/pause", {"reason": "x"}, 64, 200),
        ("/jobs/{job}/run", {}, 64, 202),
    ],
)
def test_each_operation_accepts_bodies_up_to_its_own_limit(
    api: DocumentedClient, path: str, body: dict[str, Any], n_kib: int, status: int
) -> None:
    url = f"/api/v1{path.format(job=make_job().pk)}"

    assert api.send("POST", url, of_size(n_kib * KIB, body)).status_code == status
    assert str(n_kib * KIB) in problem_of(api.send("POST", url, of_size(n_kib * KIB + 1, body)), 413)["detail"]


def test_a_body_whose_content_length_exceeds_the_limit_is_not_read() -> None:
    stream = io.BytesIO(b"{}")

    with pytest.raises(BodyTooLarge):
        parse(stream, content_length="11")
    assert stream.tell() == 0


def test_a_body_without_content_length_is_read_up_to_the_limit_only() -> None:
    stream = io.BytesIO(b" " * 1000)

    with pytest.raises(BodyTooLarge):
        parse(stream, content_length="")
    assert stream.tell() == 11


@pytest.mark.long
def test_the_largest_payload_is_accepted_however_its_json_is_formatted(api: DocumentedClient) -> None:
    indented = json.dumps({**BODY, "payload": [1] * 87_000}, indent=1)
    escaped = json.dumps({**BODY, "payload": "é" * 43_000})

    assert api.send("POST", "/api/v1/jobs", indented).status_code == 201
    assert api.send("POST", "/api/v1/jobs", escaped).status_code == 201


@pytest.mark.long
@pytest.mark.parametrize(
    ("member", "value", "field"),
    [
        ("payload", [1] * 120_000, "payload"),
        ("payload", {"a": [1] * 50_000, "b": [1] * 50_001}, "payload.a"),
        ("target", {**HTTP, "success_statuses": [1] * 120_000}, "target.success_statuses"),
        ("target", {**HTTP, "query": {"a": [1] * 120_000}}, "target.query.a"),
        ("schedule", [1] * 120_000, "schedule"),
    ],
    ids=["payload", "payload of lists", "statuses", "query", "schedule"],
)
def test_the_error_for_too_many_values_names_their_field(
    api: DocumentedClient, member: str, value: Any, field: str
) -> None:
    body = json.dumps({**BODY, member: value}, separators=(",", ":"))

    assert fields_of(api.send("POST", "/api/v1/jobs", body)) == [field]


def test_a_payload_that_is_too_long_is_not_validated_by_its_target(api: DocumentedClient) -> None:
    body = {**BODY, "target": ECHO, "payload": {f"unknown_{number}": 1 for number in range(20_000)}}

    assert fields_of(api.send("POST", "/api/v1/jobs", body)) == ["payload"]


def test_thousands_of_wrong_values_are_reported_by_their_number(api: DocumentedClient) -> None:
    body = {**BODY, "target": {**HTTP, **{f"unknown_{number}": 1 for number in range(2000)}}}

    (error,) = problem_of(api.send("POST", "/api/v1/jobs", body), 400)["errors"]
    assert error["field"] == "target"
    assert "2000 errors" in error["message"]
