"""JSON in a form is read strictly, its errors name their place, and the line ends of a browser change nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from hypothesis import given, settings
from hypothesis import strategies as st

from access.admin.json_shown import pretty
from schedules.admin.form.json_fields import JsonObject, JsonText, LongText, read_json, write_object


def refusal(text: str, field: forms.Field | None = None) -> str:
    with pytest.raises(forms.ValidationError) as caught:
        (field or JsonText()).clean(text)
    (message,) = caught.value.messages
    return message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        (" \r\n ", None),
        ("null", None),
        ("0", 0),
        ("false", False),
        ('""', ""),
        (' {"a": [1, 2.5, "ä"]} ', {"a": [1, 2.5, "ä"]}),
    ],
    ids=repr,
)
def test_a_json_field_accepts_any_json_and_reads_an_empty_text_as_none(text: str, value: Any) -> None:
    assert JsonText().clean(text) == value


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{", "line 1, column 2"),
        ('{\n  "a": 1,\n  b: 2\n}', "line 3, column 3"),
        ("[1, 2] 3", "line 1, column 8"),
    ],
)
def test_a_syntax_error_is_reported_with_its_line_and_column(text: str, place: str) -> None:
    message = refusal(text)
    assert message.startswith("This is not JSON: ")
    assert message.endswith(f'at {place}. Write JSON such as {{"name": "value"}}.')


@pytest.mark.parametrize("text", ["[" * 100_000, f"[{'1' * 5000}]"], ids=["deep", "long"])
def test_what_the_parser_cannot_read_is_refused(text: str) -> None:
    assert refusal(text).startswith("This JSON cannot be stored")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NaN", "NaN is not a JSON number: use a finite number."),
        ('{"a": [-Infinity]}', "a.0: -Infinity is not a JSON number: use a finite number."),
        ('{"b": {"a": 1, "a": 2}}', 'b.a: "a" occurs more than once in one object. Keep one of them.'),
        (
            '{"r": 0.1234567890123456789}',
            "r: The number 0.1234567890123456789 would become 0.12345678901234568: round it, or write it as a string.",
        ),
    ],
)
def test_a_member_that_would_change_is_refused_with_its_field(text: str, message: str) -> None:
    assert refusal(text) == message


@pytest.mark.parametrize("text", ["[]", "5", '"text"', "false", "0"])
def test_a_field_for_an_object_refuses_other_json(text: str) -> None:
    assert refusal(text, JsonObject()) == 'This must be a JSON object, such as {"name": "value"}.'


@pytest.mark.parametrize(("text", "value"), [("", None), ("null", None), ("{}", {}), ('{"a": []}', {"a": []})])
def test_a_field_for_an_object_accepts_objects_and_nothing(text: str, value: Any) -> None:
    assert JsonObject().clean(text) == value


@pytest.mark.parametrize("field", [LongText(), JsonText(), JsonObject()], ids=["text", "json", "object"])
@pytest.mark.parametrize(
    ("initial", "data", "has_changed"),
    [
        ("a\nb", "a\r\nb", False),
        ("a\r\nb", "a\nb", False),
        (None, "", False),
        ("", None, False),
        ("a\nb", "a\nc", True),
        ("a\nb", "a b", True),
        ("a", None, True),
        (None, "a", True),
    ],
)
def test_the_line_ends_of_a_browser_are_no_change(
    field: forms.Field, initial: str | None, data: str | None, has_changed: bool
) -> None:
    assert field.has_changed(initial, data) is has_changed


def test_a_long_text_keeps_its_blanks_and_has_lf_for_every_line_end() -> None:
    assert LongText().clean("  a \r\n b  \n\rc") == "  a \n b  \n\nc"


def test_null_is_shown_as_an_empty_text() -> None:
    assert pretty(None) == ""
    assert write_object(None) == write_object({}) == ""


@pytest.mark.parametrize("value", [0, False, "", {}, []], ids=repr)
def test_a_value_that_only_python_takes_for_empty_is_shown(value: Any) -> None:
    assert read_json(pretty(value)) == value
    assert pretty(value) != ""


def test_json_is_shown_with_indentation_and_with_its_letters() -> None:
    assert pretty({"name": "Zürich"}) == '{\n  "name": "Zürich"\n}'


TEXTS = st.text('ab é\n\t"\\\U0001f4a5', max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=20)
@given(JSON)
def test_json_that_is_shown_reads_back_as_the_same_value(value: Any) -> None:
    assert read_json(pretty(value)) == value
