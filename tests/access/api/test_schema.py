"""Proves how shapes are validated and written, and how operations appear in the OpenAPI document."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from pydantic import Field, ValidationError

from access.api.schema import ERROR_DESCRIPTIONS, PROBLEM_EXAMPLES, DocumentedAs, Problem, ReadAs, Shape, UntitledSchema
from tests.documented import the_document


class Inner(Shape):
    size: int


class Stored(Shape):
    config: Annotated[Any, DocumentedAs(Inner)]


def _doubled(value: object, info: Any) -> int:
    if not isinstance(value, str):
        raise ValueError("Write a text.")  # noqa: TRY004 - pydantic reports a ValueError
    return 2 * int(value) if info.field_name == "size" else 0


class Doubled(Shape):
    size: Annotated[int, ReadAs(str, _doubled, lambda size: f"{size // 2}")]


def test_a_shape_refuses_unknown_members_and_changes() -> None:
    with pytest.raises(ValidationError, match="extra"):
        Inner.model_validate({"size": 1, "more": 2})
    with pytest.raises(ValidationError, match="frozen"):
        Inner(size=1).size = 2  # type: ignore[misc]  # that is the mistake


def test_a_shape_becomes_json() -> None:
    class Seen(Shape):
        at: datetime
        inner: Inner | None = None

    assert Seen(at=datetime(2026, 11, 20, tzinfo=UTC)).json_body() == {"at": "2026-11-20T00:00:00Z", "inner": None}


@pytest.mark.parametrize("value", [{"size": 1}, {"size": "large", "more": [None]}, None, 5, "x", []], ids=str)
def test_a_stored_value_is_neither_validated_nor_changed(value: object) -> None:
    shape = Stored.model_validate({"config": value})

    assert shape.config is value
    assert shape.json_body() == {"config": value}


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_a_stored_value_is_documented_as_its_type(mode: Any) -> None:
    schema = Stored.model_json_schema(mode=mode)

    assert schema["properties"]["config"] == {"$ref": "#/$defs/Inner"}
    assert schema["$defs"]["Inner"]["properties"]["size"]["type"] == "integer"


def test_a_value_with_its_own_reader_is_read_and_written_by_it() -> None:
    shape = Doubled.model_validate({"size": "21"})

    assert shape.size == 42
    assert shape.json_body() == {"size": "21"}
    assert Doubled.model_json_schema()["properties"]["size"]["type"] == "string"


def test_an_error_of_a_reader_names_the_member() -> None:
    with pytest.raises(ValidationError) as caught:
        Doubled.model_validate({"size": 21})

    assert [(error["loc"], error["msg"]) for error in caught.value.errors()] == [
        (("size",), "Value error, Write a text.")
    ]


def test_the_schema_of_a_member_has_no_title_that_repeats_its_name() -> None:
    class Titled(Shape):
        page_size: int
        chosen: int = Field(1, title="The chosen one")

    schema = Titled.model_json_schema(schema_generator=UntitledSchema)

    assert "title" not in schema["properties"]["page_size"]
    assert schema["properties"]["chosen"]["title"] == "The chosen one"


def operations() -> list[tuple[str, dict[str, Any]]]:
    return [
        (each["operationId"], each)
        for path in the_document()["paths"].values()
        for method, each in path.items()
        if method != "parameters"
    ]


def media_types(operation: dict[str, Any], status: int) -> list[str]:
    return list(operation["responses"][str(status)]["content"])


@pytest.mark.parametrize(("name", "operation"), operations(), ids=lambda part: part if isinstance(part, str) else "")
def test_each_operation_documents_the_errors_that_any_may_have(name: str, operation: dict[str, Any]) -> None:
    statuses = {400, 401, 403, *({413, 415} if "requestBody" in operation else set())}

    for status in statuses:
        assert media_types(operation, status) == ["application/problem+json"], status
    assert ("413" in operation["responses"]) == ("requestBody" in operation)


@pytest.mark.parametrize(("name", "operation"), operations(), ids=lambda part: part if isinstance(part, str) else "")
def test_each_operation_has_a_readable_summary_and_a_description(name: str, operation: dict[str, Any]) -> None:
    assert operation["summary"].replace(" ", "_").lower() == name
    assert operation["summary"][0].isupper()
    assert operation["description"].strip()


def test_a_created_object_has_its_url_in_the_location_header() -> None:
    found = {
        name: status
        for name, operation in operations()
        for status, response in operation["responses"].items()
        if "Location" in response.get("headers", {})
    }

    assert found["create_job"] == "201"
    assert set(found.values()) <= {"201", "202"}


@pytest.mark.parametrize("status", sorted(ERROR_DESCRIPTIONS))
def test_the_example_of_each_error_is_a_valid_problem(status: int) -> None:
    detail, errors = PROBLEM_EXAMPLES[status]
    found = {
        example["value"]["detail"]: example["value"]
        for _, operation in operations()
        if str(status) in operation["responses"]
        for example in operation["responses"][str(status)]["content"]["application/problem+json"]["examples"].values()
    }

    problem = Problem.model_validate(found[detail])
    assert (problem.status, problem.type) == (status, "about:blank")
    assert [error.model_dump() for error in problem.errors or []] == errors
