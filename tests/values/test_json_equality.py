"""Proves which values are the same JSON, and what becomes of the values that JSON does not have."""

from __future__ import annotations

import json
from collections import OrderedDict
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executions.states import RunStatus
from values.json_values import MAX_DEPTH, MAX_VALUES, clean, clean_text, find_unstorable, is_same_json

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def nested(n_levels: int, inner: object = 1) -> Any:
    for _ in range(n_levels):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (0.0, -0.0),
        (1e23, 10**23),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": [1, {"b": None}]}, {"a": [1.0, {"b": None}]}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        ([], []),
        ("é", "é"),
    ],
    ids=["whole float", "zero", "large float", "order of names", "nested", "mapping", "empty", "text"],
)
def test_values_that_jsonb_returns_alike_are_the_same(one: object, other: object) -> None:
    assert is_same_json(one, other) and is_same_json(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (True, 1),
        (False, 0),
        (True, 1.0),
        (None, False),
        (None, 0),
        ("1", 1),
        ("", None),
        ([], {}),
        ([1], [1, 2]),
        ([1, 2], [2, 1]),
        ([True], [1]),
        ({"a": 1}, {"a": 1, "b": None}),
        ({"a": None}, {"b": None}),
        ({"a": True}, {"a": 1}),
        (2**53, 2**53 + 1),
        (0.1, 0.2),
    ],
    ids=str,
)
def test_values_that_differ_as_json_are_not_the_same(one: object, other: object) -> None:
    assert not is_same_json(one, other)
    assert not is_same_json(other, one)


@settings(max_examples=60)
@given(JSON_VALUES, JSON_VALUES)
def test_two_values_are_the_same_exactly_if_they_are_after_a_round_trip(one: Any, other: Any) -> None:
    assert is_same_json(one, json.loads(json.dumps(one)))
    assert is_same_json(one, other) == is_same_json(other, one)


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        ((1, 2), [1, 2]),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        ({1: "x", None: "y"}, {"1": "x", "None": "y"}),
        (RunStatus.HELD, "held"),
        (float("nan"), None),
        (float("-inf"), None),
        (True, True),
        (0, 0),
        (-0.0, -0.0),
        (b"\x00a", "b'\\x00a'"),
        (bytearray(b"a"), "bytearray(b'a')"),
        ({1}, "{1}"),
        (datetime(2026, 11, 20, tzinfo=UTC), "2026-11-20 00:00:00+00:00"),
        (1 + 2j, "(1+2j)"),
        (range(3), [0, 1, 2]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_type_becomes_the_nearest_json(value: object, cleaned: object) -> None:
    found = clean(value)

    assert found == cleaned
    assert type(found) is type(cleaned)


def test_a_subclass_of_a_number_becomes_a_plain_number() -> None:
    class Percent(int): ...

    class Ratio(float): ...

    assert [type(each) for each in clean([Percent(5), Ratio(0.5)])] == [int, float]


def test_cleaned_names_that_become_equal_keep_one_value() -> None:
    assert clean({"a": 1, "a\0": 2}) == {"a": 2}


def test_nesting_up_to_the_limit_is_kept_and_what_is_deeper_is_replaced() -> None:
    assert clean(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    assert clean(nested(MAX_DEPTH + 1)) == nested(MAX_DEPTH, "…")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain", "plain"),
        ("a\0b\0", "ab"),
        ("é\0", "é"),
        ("\ud83d\ude00", "😀"),
        ("\ud800x", "\ufffdx"),
        ("x\udc00", "x\ufffd"),
        ("", ""),
    ],
    ids=["ASCII", "NUL", "NUL beside others", "pair", "high surrogate", "low surrogate", "empty"],
)
def test_text_keeps_everything_that_can_be_stored(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


def test_nesting_up_to_the_limit_can_be_stored() -> None:
    assert find_unstorable(nested(MAX_DEPTH)) is None
    problem = find_unstorable(nested(MAX_DEPTH + 1), "payload")
    assert problem is not None
    assert problem[0] == ".".join(["payload"] + ["0"] * MAX_DEPTH)


def test_as_many_values_as_the_limit_can_be_stored() -> None:
    assert find_unstorable([1] * (MAX_VALUES - 1)) is None
    problem = find_unstorable([1] * MAX_VALUES)
    assert problem is not None and str(MAX_VALUES) in problem[1]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ([1, ("a\0",)], "payload.1.0"),
        ({"a": {"": "\0"}}, "payload.a"),
        ({"a": {"b\0": 1}}, "payload.a"),
        ("\0", "payload"),
        (10**100, "payload"),
    ],
    ids=["tuple", "empty name", "wrong name", "text", "number"],
)
def test_the_field_of_an_unstorable_value_leads_to_it(value: object, field: str) -> None:
    problem = find_unstorable(value, "payload")

    assert problem is not None
    assert problem[0] == field


def test_booleans_are_no_numbers_with_too_many_digits() -> None:
    assert find_unstorable([True, False, 10**99, -(10**99)]) is None
