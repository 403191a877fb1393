"""Proves that errors and values of other people's code always become one line of text."""

from __future__ import annotations

import pytest

from executions.targets.wording import value_words

HUGE = 10**5000  # Python refuses to write integers with more than 4300 digits


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("two\nlines", r"'two\nlines'"),
        (list(range(9)), "[0, 1, 2, 3, 4, 5, ...]"),
        (HUGE, "an object of type int"),
        ([HUGE], "an object of type list"),
    ],
    ids=["text", "long list", "huge number", "huge number in a list"],
)
def test_every_value_becomes_one_short_line(value: object, words: str) -> None:
    assert value_words(value) == words
