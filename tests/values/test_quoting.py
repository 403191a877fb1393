"""Proves how a value of the input is quoted in an error message."""

from __future__ import annotations

import pytest

from values.quoting import quoted


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("soon", '"soon"'),
        ("x" * 41, f'"{"x" * 37}..."'),
        ("a\x1b[2J", r"'a\x1b[2J'"),
        (None, "null"),
        (True, "true"),
        (0.5, "0.5"),
        (12, "12"),
        (10**20, "a number of more than 20 digits"),
        ([1, 2], "a list"),
        ({"a": 1}, "an object"),
        (object(), "this value"),
    ],
)
def test_a_value_is_quoted_short_and_printable(value: object, text: str) -> None:
    assert quoted(value) == text
