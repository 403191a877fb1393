"""Proves where the limits of a duration are, and that each notation of a number gives the same duration."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from values.durations import MAX_DURATION, duration_text, read_duration


@pytest.mark.parametrize("value", ["3653d", 3653 * 86400, "P3653D", "87672h"], ids=["days", "number", "ISO", "hours"])
def test_exactly_ten_years_are_accepted(value: object) -> None:
    assert read_duration(value) == MAX_DURATION


@pytest.mark.parametrize(
    "value",
    ["3653d1us", 3653 * 86400 + 1, "3653d 0.000001s", 3653 * 86400 + 0.001],
    ids=["microsecond", "second", "fraction", "float"],
)
def test_anything_beyond_ten_years_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="at most ten years"):
        read_duration(value)


@pytest.mark.parametrize(
    ("value", "microseconds"),
    [
        ("1us", 1),
        (0.000001, 1),
        ("0.6us", 1),
        ("1.4us", 1),
        ("1.6us", 2),
        ("0.0000015s", 2),
        (0.1 + 0.2, 300_000),
        ("0.3", 300_000),
    ],
    ids=["unit", "float", "up to one", "down", "up", "half to even", "binary fraction", "text"],
)
def test_a_duration_is_rounded_to_the_microsecond(value: object, microseconds: int) -> None:
    assert read_duration(value) == timedelta(microseconds=microseconds)


@pytest.mark.parametrize("value", [0, 0.0, "0", "0m", "PT0S", "0d0h"])
def test_zero_is_accepted_only_where_it_is_allowed(value: object) -> None:
    assert read_duration(value, allow_zero=True) == timedelta(0)
    with pytest.raises(ValueError, match="must be greater than zero"):
        read_duration(value)


def test_where_zero_is_allowed_a_negative_number_is_still_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        read_duration(-0.5, allow_zero=True)


@pytest.mark.parametrize("allow_zero", [False, True])
def test_less_than_a_microsecond_never_becomes_zero(allow_zero: bool) -> None:
    with pytest.raises(ValueError, match="at least one microsecond"):
        read_duration("0.4us", allow_zero=allow_zero)


def test_a_text_may_have_64_characters_beside_its_margins() -> None:
    longest = f"1h{' ' * 60}1m"

    assert read_duration(f"  {longest}  ") == timedelta(hours=1, minutes=1)
    with pytest.raises(ValueError, match="at most 64 characters"):
        read_duration(longest.replace(" ", "  ", 1))


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [
        (unit, seconds)
        for seconds, units in [
            (604_800, "w week weeks W Week"),
            (86_400, "d day days D"),
            (3_600, "h hr hrs hour hours H"),
            (60, "m min mins minute minutes Min"),
            (1, "s sec secs second seconds S"),
        ]
        for unit in units.split()
    ],
)
def test_each_name_of_a_unit_has_its_length(unit: str, seconds: int) -> None:
    assert read_duration(f"2{unit}") == read_duration(f"2 {unit}") == timedelta(seconds=2 * seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("P1W", 604_800), ("P1D", 86_400), ("PT1H", 3_600), ("PT1M", 60), ("PT1S", 1), ("P1W1DT1H1M1S", 694_861)],
)
def test_each_designator_of_iso_8601_has_its_length(text: str, seconds: int) -> None:
    assert read_duration(text) == read_duration(text.lower()) == timedelta(seconds=seconds)


@pytest.mark.parametrize("unit", ["mo", "mon", "month", "months", "y", "yr", "yrs", "year", "years", "Month"])
def test_no_name_of_a_calendar_unit_is_read_as_a_fixed_length(unit: str) -> None:
    with pytest.raises(ValueError, match="no fixed length"):
        read_duration(f"1{unit}")


@pytest.mark.parametrize("text", ["1s1s", "1m1h", "1s1m", "1ms1s", "1us1ms", "1h1hour"])
def test_units_that_do_not_descend_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="each unit at most once, the largest first"):
        read_duration(text)


@pytest.mark.parametrize("text", ["1h 30", "1h,30m", "h", "1.h", ".5h", "1..5h", "1h-30m", "+5m", "1/2h"])
def test_a_text_that_is_only_partly_a_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        read_duration(text)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(microseconds=1), "1us"),
        (timedelta(days=7), "1w"),
        (timedelta(days=7, seconds=1), "7d1s"),
        (timedelta(hours=24), "1d"),
        (timedelta(minutes=60), "1h"),
        (timedelta(seconds=60), "1m"),
        (timedelta(seconds=59), "59s"),
        (timedelta(days=1, hours=1, minutes=1, seconds=1), "1d1h1m1s"),
        (timedelta(hours=1, microseconds=1), "1h1us"),
    ],
    ids=str,
)
def test_the_canonical_text_uses_the_largest_units_that_fit(length: timedelta, text: str) -> None:
    assert duration_text(length) == text


@settings(max_examples=100)
@given(st.integers(0, 10**8))
def test_a_number_means_seconds_in_every_notation(n: int) -> None:
    notations = [n, str(n), f"{n}s", f"PT{n}S", f" {n} seconds "]

    assert {read_duration(each, allow_zero=True) for each in notations} == {timedelta(seconds=n)}


@settings(max_examples=100)
@given(st.text(alphabet="0123456789.hmswdPTYu -", max_size=70))
def test_any_text_is_a_duration_within_the_limits_or_an_error_with_a_reason(text: str) -> None:
    try:
        length = read_duration(text)
    except ValueError as error:
        assert str(error)
    else:
        assert timedelta(0) < length <= MAX_DURATION
