"""Proves how a duration is validated in a pydantic model, and how it is written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from values.duration_field import Duration
from values.field_errors import field_errors


class Wait(BaseModel):
    delay: Duration


def sentence_for(value: object) -> str:
    data = {"delay": value}
    with pytest.raises(ValidationError) as caught:
        Wait.model_validate(data)
    (sentence,) = field_errors(caught.value, data)["delay"]
    return sentence


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("15m", 900), ("PT1H", 3600), (90, 90), (0.5, 0.5), (0, 0), ("0s", 0), (timedelta(days=2), 172_800)],
    ids=["text", "ISO 8601", "number", "fraction", "zero", "zero as text", "timedelta"],
)
def test_each_notation_becomes_its_duration(value: object, seconds: float) -> None:
    assert Wait.model_validate({"delay": value}).delay == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (-1, "This must not be negative."),
        ("3654d", "This must be at most ten years (3653 days)."),
        (1e-9, "This must be at least one microsecond."),
        ("", 'This is empty: write it like "15m", "1h30m", "PT15M", or as a number of seconds.'),
        ("1" * 65, "This is too long: a duration has at most 64 characters."),
        ("5q", '"q" is not a unit of time: use w, d, h, m, s or ms.'),
        (None, 'null is not a duration: write it like "15m", "1h30m", "PT15M", or as a number of seconds.'),
        ("PT", '"PT" is not an ISO 8601 duration: write it like PT15M or P1DT2H.'),
    ],
    ids=["negative", "ten years", "nanosecond", "empty", "long", "unit", "null", "ISO 8601"],
)
def test_an_error_is_a_whole_sentence(value: object, sentence: str) -> None:
    assert sentence_for(value) == sentence


def test_a_duration_is_written_as_its_canonical_text() -> None:
    wait = Wait(delay=timedelta(seconds=5400))

    assert wait.model_dump() == wait.model_dump(mode="json") == {"delay": "1h30m"}


@settings(max_examples=100)
@given(st.timedeltas(timedelta(0), timedelta(days=3653)))
def test_a_written_duration_is_read_back(delay: timedelta) -> None:
    assert Wait.model_validate_json(Wait(delay=delay).model_dump_json()).delay == delay


def test_a_schema_accepts_text_and_numbers_and_shows_examples_that_are_read() -> None:
    schema: dict[str, Any] = Wait.model_json_schema()["properties"]["delay"]

    assert [branch["type"] for branch in schema["anyOf"]] == ["string", "number"]
    for example in schema["examples"]:
        assert Wait.model_validate({"delay": example}).delay > timedelta(0)
