"""Proves how JSON, and text that may be JSON, is shown on the admin's pages."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.admin.json_shown import pretty, readable


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ({}, "{}"),
        (0, "0"),
        (False, "false"),
        ("", '""'),
        ({"b": 1, "a": [None]}, '{\n  "b": 1,\n  "a": [\n    null\n  ]\n}'),
        ("Grüße 😀", '"Grüße 😀"'),
    ],
    ids=["null", "empty object", "zero", "false", "empty text", "nested, in its order", "not ASCII"],
)
def test_json_is_indented_and_readable(value: object, text: str) -> None:
    assert pretty(value) == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"a":1}', '{\n  "a": 1\n}'),
        ("[1]", "[\n  1\n]"),
        ('["\\u00fc"]', '[\n  "ü"\n]'),
        ("[]", "[]"),
    ],
    ids=["object", "list", "escape", "empty list"],
)
def test_a_body_of_json_is_indented(body: str, text: str) -> None:
    assert readable(body) == text


@pytest.mark.parametrize(
    "body",
    ["", "plain", "{not json}", '{"a":1', "12", '"text"', "null", ' {"a":1}', "[" * 100_000, "[" + "9" * 5000 + "]"],
    ids=["empty", "text", "braces", "cut off", "number", "string", "null", "space first", "too deep", "long number"],
)
def test_any_other_body_is_shown_unchanged(body: str) -> None:
    assert readable(body) == body


@settings(max_examples=20)
@given(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3) | st.none(), max_size=4))
def test_an_indented_body_means_the_same(value: dict[str, object]) -> None:
    assert json.loads(readable(json.dumps(value))) == value
