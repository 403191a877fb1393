"""Proves that each pydantic error becomes a sentence under its dotted field."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from values.field_errors import field_errors


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Toy(BaseModel):
    model_config = ConfigDict(extra="forbid")

    field_0: str = Field("", alias="shape")


class Sample(BaseModel):
    model_config = ConfigDict(extra="forbid")

    day: date
    limit: Annotated[int, Field(ge=1, le=10)] = 1
    tags: list[str] = []
    short: list[Annotated[str, Field(max_length=2)]] = []
    either: int | bool | None = None
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    colour: Literal["red", "blue"] = "red"
    headers: dict[str, str] = {}
    toys: list[Toy] = []

    @field_validator("colour")
    @classmethod
    def _check(cls, value: str) -> str:
        if value == "blue":
            raise ValueError("Blue is out of stock: choose red.")
        return value


def errors_of(data: object, prefix: str = "") -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate(data)
    return field_errors(caught.value, data, prefix=prefix, model=Sample)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, {"day": ["day is required."]}),
        ({"day": "soon"}, {"day": ["day must be a date such as 2026-11-20."]}),
        ({"day": "2026-11-20", "limit": 11}, {"limit": ["limit must be 10 or less."]}),
        ({"day": "2026-11-20", "limit": "many"}, {"limit": ["limit must be a whole number."]}),
        ({"day": "2026-11-20", "tags": ["a", 1]}, {"tags.1": ["This entry must be a string."]}),
        ({"day": "2026-11-20", "short": ["abc"]}, {"short.0": ["This entry must have 2 characters or fewer."]}),
        ({"day": "2026-11-20", "headers": {"0": 1}}, {"headers.0": ["0 must be a string."]}),
        ({"day": "2026-11-20", "headers": {"X-A": 1}}, {"headers.X-A": ["X-A must be a string."]}),
        ({"day": "2026-11-20", "either": "x"}, {"either": ["either must be a whole number or true or false."]}),
        ({"day": "2026-11-20", "pet": {"kind": "cat"}}, {"pet.lives": ["lives is required."]}),
        ({"day": "2026-11-20", "colour": "blue"}, {"colour": ["Blue is out of stock: choose red."]}),
        ({"day": "2026-11-20", "colour": "pink"}, {"colour": ["colour must be one of 'red' or 'blue'."]}),
        (
            {"day": "2026-11-20", "colour": "bleu"},
            {"colour": ["colour must be one of 'red' or 'blue'. Did you mean \"blue\"?"]},
        ),
        ({"day": "2026-11-20", "colour": 7}, {"colour": ["colour must be one of 'red' or 'blue'."]}),
        ({"day": "2026-11-20", "tag": []}, {"tag": ['tag is not a known field. Did you mean "tags"?']}),
        (
            {"day": "2026-11-20", "toys": [{}, {"shap": "round"}]},
            {"toys.1.shap": ['shap is not a known field. Did you mean "shape"?']},
        ),
        ({"day": "2026-11-20", "toys": [1]}, {"toys.0": ["This entry must be an object."]}),
        ({"day": "2026-11-20", "toys": [{"tag": []}]}, {"toys.0.tag": ["tag is not a known field."]}),
        ([], {"": ["This must be an object."]}),
    ],
)
def test_each_error_becomes_one_sentence_under_its_field(data: object, expected: dict[str, list[str]]) -> None:
    assert errors_of(data) == expected


def test_a_prefix_precedes_each_field_and_is_the_key_of_the_whole_value() -> None:
    assert errors_of({}, "payload") == {"payload.day": ["day is required."]}
    assert errors_of(5, "payload") == {"payload": ["payload must be an object."]}


def test_an_error_type_without_a_sentence_shows_pydantics_message() -> None:
    class Strange(BaseModel):
        value: complex

    with pytest.raises(ValidationError) as caught:
        Strange.model_validate({"value": "no"})
    (sentence,) = field_errors(caught.value, {"value": "no"})["value"]
    assert sentence.startswith("value: ")
