"""Proves that the API refuses null wherever the OpenAPI document does not allow it, and names the field."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types

from tests.documented import DocumentedClient, problem_of, the_document
from tests.factories import NOW, make_flag, make_job, make_run

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.long

Path = tuple[str | int, ...]
# Their bodies are definitions of jobs, in which null has a meaning of its own.
DEFINITIONS = {"create_job", "replace_job", "change_job", "register_job"}
BODIES = {
    operation["operationId"]: (method.upper(), path, operation["requestBody"]["content"]["application/json"])
    for path, item in the_document()["paths"].items()
    for method, operation in item.items()
    if isinstance(operation, dict) and "requestBody" in operation and operation["operationId"] not in DEFINITIONS
}
UNKNOWN_ID = "019a9f93-2200-7b61-9c22-4a1b6d7e8f90"
MAX_DEPTH = 3  # members; a schedule may contain schedules


def members(schema: dict[str, Any], at: Path = ()) -> Iterator[Path]:
    """Yield the path of each member that a body may have; 0 is the first item of a list."""
    while "$ref" in schema:
        schema = the_document()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if len(at) > MAX_DEPTH:
        return
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from members(part, at)
    parts = [(*at, name) for name in schema.get("properties", {})] + ([(*at, 0)] if "items" in schema else [])
    for part in parts:
        yield part
        yield from members(schema["items"] if part[-1] == 0 else schema["properties"][part[-1]], part)


def with_null(body: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the body with null at the path. Objects and lists on the way there are added if they are missing."""
    whole: dict[str, Any] = {"": deepcopy(body)}
    place: Any = whole
    key: str | int = ""
    for name in path:
        if not isinstance(place[key], list if name == 0 else dict):
            place[key] = [None] if name == 0 else {}
        place, key = place[key], name
        if isinstance(name, str):
            place.setdefault(name, None)
    place[key] = None
    found: dict[str, Any] = whole[""]
    return found


def url_of(path: str) -> str:
    job = make_job(schedule={"cron": "0 0 1 1 *"})
    ids = {"job_id": job.pk, "run_id": make_run(job, NOW).pk, "pause_id": UNKNOWN_ID, "backfill_id": UNKNOWN_ID}
    return path.format(name="flag", key="key", **ids)


@pytest.mark.parametrize("name", BODIES)
def test_null_is_refused_where_the_document_does_not_allow_it(api: DocumentedClient, name: str) -> None:
    method, path, content = BODIES[name]
    whole = {**content["schema"], "components": the_document()["components"]}
    validator = Draft202012Validator(whole)
    make_flag("flag")
    url = url_of(path)
    for example in [each["value"] for each in content.get("examples", {}).values()] or [{}]:
        for member in dict.fromkeys(members(content["schema"])):
            body = with_null(example, member)
            if name == "register_jobs" and len(member) > 2:  # a job's definition
                continue
            if validator.is_valid(body):
                continue
            response = api.send(method, url, body)
            if name == "validate_schedule":
                assert response.json()["valid"] is False, member
                continue
            if response.status_code == 404 and UNKNOWN_ID in url:
                continue
            fields = [error["field"] for error in problem_of(response, 400)["errors"]]
            assert any(field.split(".")[0] == member[0] for field in fields), (member, fields)


def test_bodies_of_most_operations_are_checked() -> None:
    assert len(BODIES) > 10
    assert ("schedule", "specs", 0, "cron") in set(members(BODIES["preview_schedule"][2]["schema"]))
