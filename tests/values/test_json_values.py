"""Proves that cleaned JSON can be stored, and that anything that cannot be stored is named by its field."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from values.json_values import (
    JSON,
    MAX_DEPTH,
    NotJsonNumber,
    RepeatedName,
    clean,
    find_unstorable,
    loads,
    merge_patch,
    storable,
)

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.characters() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
)


@pytest.mark.long
@given(ANYTHING)
def test_a_cleaned_value_is_strict_json_that_can_be_stored(value: object) -> None:
    cleaned = clean(value)
    json.dumps(cleaned, allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert find_unstorable(cleaned) is None


@pytest.mark.long
@given(ANYTHING)
def test_cleaning_twice_changes_nothing(value: object) -> None:
    assert clean(clean(value)) == clean(value)


def test_nul_characters_are_removed_and_lone_surrogates_replaced() -> None:
    assert clean({"a\0": "b\0c", "d": "\ud800é"}) == {"a": "bc", "d": "\ufffdé"}


def test_an_integer_too_long_to_print_becomes_a_string() -> None:
    assert clean(10**5000).startswith("0x")


def test_a_number_that_jsonb_returns_with_too_many_digits_becomes_a_string() -> None:
    assert clean([1e308, -5e-324, 10**100, 1e99, -1e-99]) == ["1e+308", "-5e-324", hex(10**100), 1e99, -1e-99]


def test_endless_nesting_ends_at_the_maximum_depth() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert json.dumps(clean(loop)).count("[") == MAX_DEPTH


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"a": [1, {"b": "x\0"}]}, "payload.a.1.b"),
        ({"a": math.nan}, "payload.a"),
        ([math.inf], "payload.0"),
        ("\udfff", "payload"),
        ({"a": [1e308]}, "payload.a.0"),
        ({"a": -1e100}, "payload.a"),
        ({"a": 5e-324}, "payload.a"),
        ({"a": 10**100}, "payload.a"),
        ({"ok": 1, "bad\0": 2}, "payload"),
    ],
)
def test_a_value_that_cannot_be_stored_is_named_by_its_field(value: object, field: str) -> None:
    problem = find_unstorable(value, "payload")
    assert problem is not None
    assert problem[0] == field


def test_ordinary_numbers_can_be_stored() -> None:
    assert find_unstorable([0, 0.0, -0.0, 1e99, -1.5e-99, 2**256, 6.02214076e23, 6.62607015e-34, True]) is None


def test_nesting_beyond_the_limit_is_refused_however_deep_it_is() -> None:
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    problem = find_unstorable(deep)
    assert problem is not None
    assert str(MAX_DEPTH) in problem[1]


def test_each_part_of_the_field_of_an_error_is_cut_to_100_characters() -> None:
    wide: list[object] = [1] * 20_000
    wide[7] = "\0"
    field, _ = find_unstorable({"a" * 20_000: wide}) or ("", "")
    assert field == f"{'a' * 100}.7"


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_json_is_read_without_the_numbers_that_json_does_not_have(name: str) -> None:
    with pytest.raises(NotJsonNumber, match=f"{name} is not a JSON number"):
        loads(f'{{"a": [{name}]}}')
    assert loads('{"a": [1, null]}') == {"a": [1, None]}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"name": "first", "name": "second"}', '"name"'),
        ('[{"a": {"b": 1, "c": 2, "b": 1}}]', '"b"'),
        ('{"": 1, "": 2}', '""'),
        ('{"a": 1, "\\u0061": 2}', '"a"'),
    ],
)
def test_an_object_with_a_repeated_name_is_refused(text: str, name: str) -> None:
    with pytest.raises(RepeatedName, match=f"^{name} occurs more than once in one object"):
        loads(text)


def test_two_objects_may_have_the_same_name() -> None:
    assert loads('[{"a": 1}, {"a": {"a": 2}}]') == [{"a": 1}, {"a": {"a": 2}}]


def test_a_text_that_cannot_be_stored_is_refused() -> None:
    assert storable("plain") == "plain"
    with pytest.raises(ValueError, match="NUL character"):
        storable("a\0b")


# The test cases of RFC 7396, appendix A.
@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_follows_rfc_7396(target: JSON, patch: JSON, result: JSON) -> None:
    assert merge_patch(target, patch) == result
