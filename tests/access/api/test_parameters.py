"""Proves how query parameters are read, which are refused by name, and how the OpenAPI document shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, BeforeValidator, Field
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from access.api.exceptions import InputValidationError, InvalidInput
from access.api.parameters import MAX_PAGE_SIZE, Instant, PageParameters, Parameters, split_at_commas


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Filters(Parameters):
    colours: Annotated[tuple[Colour, ...], BeforeValidator(split_at_commas)] | None = None
    after: Instant | None = Field(None, description="From this instant on.")
    name: str = Field(description="Exact name.")


def read(kind: type[Parameters], query: str) -> Any:
    return kind.read(Request(APIRequestFactory().get(f"/?{query}")))


def wrong_fields(kind: type[Parameters], query: str) -> set[str]:
    with pytest.raises((InputValidationError, InvalidInput)) as caught:
        read(kind, query)
    if isinstance(caught.value, InputValidationError):
        return {str(error["loc"][0]) for error in caught.value.error.errors()}
    assert isinstance(caught.value, InvalidInput)
    return set(caught.value.errors)


@pytest.mark.parametrize(
    ("query", "colours"),
    [
        ("colours=red", ("red",)),
        ("colours=red,blue", ("red", "blue")),
        ("colours=red%2C%20blue", ("red", "blue")),
        ("", None),
    ],
    ids=["one", "several", "encoded, with a space", "absent"],
)
def test_values_are_split_at_commas(query: str, colours: tuple[str, ...] | None) -> None:
    assert read(Filters, f"name=x&{query}").colours == colours


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", {"name"}),
        ("name=a&name=b", {"name"}),
        ("name=a&name=a", {"name"}),
        ("name=x&unknown=1", {"unknown"}),
        ("name=x&colours=red&colours=blue", {"colours"}),
        ("name=x&colours=", {"colours"}),
        ("name=x&colours=red,", {"colours"}),
        ("name=x&colours=green", {"colours"}),
        ("name=a%00b", {"name"}),
        ("name=%ff", {"name"}),
        ("na%00me=x", {"na\0me"}),
        ("name=a&name=b&x=1&x=2", {"name", "x"}),
        ("Name=x", {"Name", "name"}),
    ],
    ids=[
        "missing", "twice", "twice the same", "unknown", "list twice", "empty list", "trailing comma", "unknown value",
        "NUL", "not UTF-8", "NUL in a name", "two mistakes", "case",
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_refused_by_its_name(query: str, fields: set[str]) -> None:
    assert wrong_fields(Filters, query) == fields


def test_operations_without_parameters_refuse_every_parameter() -> None:
    assert read(Parameters, "") == Parameters()
    assert wrong_fields(Parameters, "page=1") == {"page"}


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-20T12:00:00Z", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ("2026-11-20T12:00:00.5%2B02:00", datetime(2026, 11, 20, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-20%2012:00Z", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("9997-12-31T23:59:59Z", datetime(9997, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
    ids=["UTC", "offset and fraction", "space", "first", "last"],
)
def test_an_instant_is_read_with_its_offset(text: str, instant: datetime) -> None:
    assert read(Filters, f"name=x&after={text}").after == instant


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T12:00:00",
        "2026-11-20",
        "1700000000",
        "1700000000.5",
        "20261120T120000Z",
        "12:00:00Z",
        "1969-12-31T23:59:59Z",
        "9998-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "now",
        "",
    ],
    ids=[
        "no offset", "date", "seconds", "fraction", "basic format", "time", "before 1970", "too late", "no such day",
        "word", "empty",
    ],
)  # fmt: skip
def test_a_text_that_names_no_instant_is_refused(text: str) -> None:
    assert wrong_fields(Filters, f"name=x&after={text}") == {"after"}


def test_an_instant_in_a_body_must_be_a_text() -> None:
    class Body(BaseModel):
        at: Instant

    assert Body.model_validate({"at": datetime(2026, 1, 1, tzinfo=UTC)}).at.year == 2026
    for number in (1_700_000_000, 1.5, True):
        with pytest.raises(ValueError, match="valid datetime"):
            Body.model_validate({"at": number})


@pytest.mark.parametrize("size", [1, 50, MAX_PAGE_SIZE])
def test_a_page_may_have_up_to_200_results(size: int) -> None:
    assert read(PageParameters, f"page_size={size}").page_size == size


@pytest.mark.parametrize("size", ["0", "-1", str(MAX_PAGE_SIZE + 1), "1.5", "many", "", "1e2"])
def test_any_other_page_size_is_refused(size: str) -> None:
    assert wrong_fields(PageParameters, f"page_size={size}") == {"page_size"}


@pytest.mark.parametrize(("length", "is_accepted"), [(0, False), (1, True), (400, True), (401, False)])
def test_a_cursor_has_a_bounded_length(length: int, is_accepted: bool) -> None:
    query = f"cursor={'A' * length}"

    if is_accepted:
        assert read(PageParameters, query).cursor == "A" * length
    else:
        assert wrong_fields(PageParameters, query) == {"cursor"}


def test_the_document_shows_each_parameter_by_its_type_and_default() -> None:
    shown = {each.name: each for each in Filters.openapi_parameters()}
    size = {each.name: each for each in PageParameters.openapi_parameters()}["page_size"]

    assert {name: each.required for name, each in shown.items()} == {"colours": False, "after": False, "name": True}
    assert shown["after"].description == "From this instant on."
    colours: Any = shown["colours"].type
    assert (colours["type"], colours["items"]["enum"]) == ("array", ["red", "blue"])
    assert "anyOf" not in colours and "$ref" not in colours["items"]
    assert size.type == {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": 50}


def test_a_list_is_documented_as_one_value_with_commas() -> None:
    shown = {each.name: each.explode for each in Filters.openapi_parameters()}

    assert shown == {"colours": False, "after": None, "name": None}


def test_parameters_cannot_be_changed_after_they_are_read() -> None:
    filters = read(Filters, "name=x")

    with pytest.raises(ValueError, match="frozen"):
        filters.name = "y"


def test_splitting_leaves_other_values_alone() -> None:
    assert split_at_commas(["a,b"]) == ["a,b"]
    assert split_at_commas(timedelta(1)) == timedelta(1)
