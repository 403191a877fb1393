"""Proves how a function's signature becomes the schema and the check of its payload."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from executions.targets.base import InvalidTarget
from executions.targets.command import CommandContext
from executions.targets.command.exceptions import InvalidCommand
from executions.targets.command.parameters import Parameters

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal


class Address(BaseModel):
    street: str
    number: int


def report(
    context: CommandContext, day: date, limit: Annotated[int, Field(ge=1)] = 10, *, tags: list[str] | None = None
) -> None: ...


def test_the_payload_fills_all_parameters_but_the_context() -> None:
    parameters = Parameters(report)
    assert parameters.context_name == "context"
    assert parameters.read({"day": "2026-11-20"}) == {"day": date(2026, 11, 20), "limit": 10, "tags": None}


def test_the_schema_describes_the_payload() -> None:
    schema = Parameters(report).schema
    assert list(schema["properties"]) == ["day", "limit", "tags"]
    assert schema["required"] == ["day"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["limit"] == {"default": 10, "minimum": 1, "title": "Limit", "type": "integer"}


@pytest.mark.parametrize(
    ("payload", "where"),
    [
        (None, ["payload.day"]),
        ({}, ["payload.day"]),
        ({"day": "soon"}, ["payload.day"]),
        ({"day": "2026-11-20", "limit": 0}, ["payload.limit"]),
        ({"day": "2026-11-20", "tags": ["a", 1]}, ["payload.tags.1"]),
        ({"day": "2026-11-20", "dya": 1}, ["payload.dya"]),
        ({"day": "2026-11-20", "context": {}}, ["payload.context"]),
        ({"day": "2026-11-20", "field_0": 1}, ["payload.field_0"]),
        ([1], ["payload"]),
        ("day", ["payload"]),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_at_its_field(payload: Any, where: list[str]) -> None:
    with pytest.raises(InvalidTarget) as caught:
        Parameters(report).read(payload)
    assert list(caught.value.errors) == where


def test_parameters_may_have_names_that_pydantic_reserves() -> None:
    def awkward(json: str, copy: bool, model_dump: int, schema: float, _hidden: str = "x") -> None: ...

    given = {"json": "a", "copy": True, "model_dump": 1, "schema": 0.5}
    assert Parameters(awkward).read(given) == {**given, "_hidden": "x"}


def test_models_literals_and_durations_are_read() -> None:
    def rich(home: Address, wait: timedelta, mode: Literal["fast", "slow"] = "fast") -> None: ...

    read = Parameters(rich).read({"home": {"street": "Elm", "number": 5}, "wait": "PT5M"})
    assert read == {"home": Address(street="Elm", number=5), "wait": timedelta(minutes=5), "mode": "fast"}


def test_a_mutable_default_is_not_shared_between_calls() -> None:
    def collect(into: list[int] = []) -> None: ...  # noqa: B006 - it is what users write

    parameters = Parameters(collect)
    first = parameters.read(None)["into"]
    assert isinstance(first, list)
    first.append(1)
    assert parameters.read(None) == {"into": []}


def test_the_context_is_recognised_by_its_type_or_its_name() -> None:
    def typed(run: CommandContext) -> None: ...

    def named(context) -> None: ...  # type: ignore[no-untyped-def]

    assert Parameters(typed).context_name == "run"
    assert Parameters(named).context_name == "context"
    assert Parameters(named).read(None) == {}


def untyped(day) -> None: ...  # type: ignore[no-untyped-def]


def starred(*days: str) -> None: ...


def keywords(**days: str) -> None: ...


def positional(day: str, /) -> None: ...


def late_context(day: str, context: CommandContext) -> None: ...


def unreadable(connect: Callable[[], int]) -> None: ...


def hidden_type(amount: Decimal) -> None: ...


class Opaque: ...


def opaque(thing: Opaque) -> None: ...


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (untyped, "a type"),
        (starred, "payload"),
        (keywords, "payload"),
        (positional, "payload"),
        (late_context, "first"),
        (hidden_type, "TYPE_CHECKING"),
        (opaque, "can't read the type"),
    ],
)
def test_a_function_that_json_cannot_call_is_refused_at_registration(function: Any, word: str) -> None:
    with pytest.raises(InvalidCommand, match=word):
        Parameters(function)
