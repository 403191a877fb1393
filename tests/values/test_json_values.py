"""Proves that cleaned JSON can be stored, and that anything that cannot be stored is named by its field."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.steps import steps_of
from values.json_values import (
    JSON,
    MAX_DEPTH,
    MAX_FAULTS,
    MAX_VALUES_PARSED,
    InvalidMembers,
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
    with pytest.raises(InvalidMembers, match=f"a.0: {name} is not a JSON number"):
        loads(f'{{"a": [{name}]}}')
    assert str(loads(f"[{name}]", allow_nan=True)) == f"[{float(name)}]"
    assert loads('{"a": [1, null]}') == {"a": [1, None]}


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('{"name": "first", "name": "second"}', ["name"]),
        ('[{"a": {"b": 1, "c": 2, "b": 1}}]', ["0.a.b"]),
        ('{"": 1, "": 2}', [""]),
        ('{"a": 1, "\\u0061": 2}', ["a"]),
        ('{"a": [{"b": 1, "b": 2}, 1e999], "c": {"d": 0.30000000000000001234}}', ["a.0.b", "a.1", "c.d"]),
        ('{"a": {"b": 1, "b": 2}, "a": 1}', ["a"]),
        ("0.10000000000000000001", [""]),
    ],
)
def test_every_member_that_would_change_is_named(text: str, fields: list[str]) -> None:
    with pytest.raises(InvalidMembers) as caught:
        loads(text)
    assert list(caught.value.errors) == fields


def test_only_the_first_faults_of_a_json_text_are_reported() -> None:
    with pytest.raises(InvalidMembers) as caught:
        loads(f"[{', '.join(['1e999'] * 5000)}]")
    assert len(caught.value.errors) == MAX_FAULTS


@pytest.mark.parametrize("value", ["NaN", "1e999", '{"a":1,"a":2}', "1.25"])
def test_further_faults_cost_no_more_than_other_values(value: str) -> None:
    def read(text: str) -> None:
        with suppress(InvalidMembers):
            loads(text)

    few, many = (steps_of(partial(read, f"[{', '.join([value] * n)}]")) for n in (1000, 3000))
    assert many - few < 40 * 2000


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-99_999, max_value=99_999))
def test_a_short_number_is_kept_exactly(number: Decimal) -> None:
    digits = f"{number:f}"
    assert Decimal(repr(loads(digits))) == Decimal(digits)


@pytest.mark.parametrize("unit", ["1,", "1e400,", '{"a":1,"a":2},', "[[[1]]],", "{},", '"",', '{"a":{"b":[]}},'])
def test_a_text_of_too_many_values_is_refused_before_it_is_parsed(unit: str) -> None:
    n_separators = sum(unit.count(separator) for separator in ",:[{")
    most = (MAX_VALUES_PARSED - 2) // n_separators  # the text below has one more
    with pytest.raises(InvalidMembers, match="more than 200,000 values and names"):
        loads(f"[{unit * (most + 1)} this is not JSON")
    with pytest.raises(json.JSONDecodeError):
        loads(f"[{unit * most} this is not JSON")


@pytest.mark.parametrize(
    "text", [",:[{", 'a\\",', '\\\\", "'.replace('"', '\\"')], ids=["plain", "quote", "backslashes"]
)
def test_separators_within_strings_are_not_counted_as_values(text: str) -> None:
    members = {"a": text * MAX_VALUES_PARSED, "b": ["c"]}
    assert loads(json.dumps(members)) == members


def test_faults_that_a_repeated_name_hides_do_not_make_a_text_valid() -> None:
    with pytest.raises(InvalidMembers) as caught:
        loads(f'{{"a": [{", ".join(["1e999"] * MAX_FAULTS)}], "a": 1}}')
    assert list(caught.value.errors) == ["a"]


@pytest.mark.parametrize(
    "digits",
    ["0.1", "1e22", "-0.0", "1.10", "1e-7", "100.00", "5e-324", "1.7976931348623157e308", "1E+2", "0e999999999"],
)
def test_a_number_that_a_float_keeps_is_accepted(digits: str) -> None:
    assert Decimal(json.dumps(loads(digits))) == Decimal(digits)


@pytest.mark.parametrize(
    "digits",
    [
        "12345678901234567.89",
        "0.1234567890123456789",
        "9007199254740993.0",
        "1e-400",
        "1e400",
        "-1e400",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        f"0.{'1' * 100_000}",
    ],
    ids=lambda digits: digits[:24],
)
def test_a_number_that_a_float_would_change_is_refused(digits: str) -> None:
    with pytest.raises(InvalidMembers, match="write it as a string"):
        loads(f'{{"a": {digits}}}')


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_that_was_written_as_json_is_accepted(number: float) -> None:
    assert loads(json.dumps(number)) == number


def test_integers_keep_all_digits() -> None:
    assert loads("12345678901234567890123") == 12345678901234567890123


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
