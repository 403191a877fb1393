"""Proves that an error suggests the known names that resemble what the caller wrote, and no others."""

from __future__ import annotations

import pytest

from values.suggestions import MAX_COMPARED_LENGTH, did_you_mean

FIELDS = ["cron", "start_at", "end_at", "timezone"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("timezon", ' Did you mean "timezone"?', id="a missing letter"),
        pytest.param("TIMEZONE", ' Did you mean "timezone"?', id="upper case"),
        pytest.param("strat_at", ' Did you mean "start_at"?', id="swapped letters"),
        pytest.param("Cron", ' Did you mean "cron"?', id="one capital"),
        pytest.param("payload", "", id="nothing similar"),
        pytest.param("", "", id="an empty name"),
    ],
)
def test_a_mistyped_name_gets_the_most_similar_known_name(name: str, hint: str) -> None:
    assert did_you_mean(name, FIELDS) == hint


def test_a_name_is_suggested_as_it_is_written() -> None:
    assert did_you_mean("america/new_yrok", ["America/New_York"]) == ' Did you mean "America/New_York"?'


def test_a_name_in_the_wrong_case_gets_the_same_name_alone() -> None:
    zones = ["Europe/Paris", "Europe/Warsaw", "Europe/Madrid"]

    assert did_you_mean("europe/paris", zones) == ' Did you mean "Europe/Paris"?'


def test_at_most_three_similar_names_are_suggested_the_nearest_first() -> None:
    text = did_you_mean("value", ["values", "valued", "valve", "value_1", "other"])

    assert text.startswith(' Did you mean "value') and text.endswith("?")
    assert text.count(" or ") == 2
    assert "other" not in text


def test_only_the_start_of_a_long_name_is_compared() -> None:
    longest = "a" * MAX_COMPARED_LENGTH

    assert did_you_mean("a" * 10_000, [longest]) == f' Did you mean "{longest}"?'
