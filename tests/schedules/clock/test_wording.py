"""Numbers, lists, times and lengths of time read as plain English."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.clock.wording import (
    Series,
    clock_words,
    day_words,
    joined,
    length_words,
    number_words,
    ordinal,
    runs,
    series,
)


@pytest.mark.parametrize(
    ("words", "text"),
    [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
    ids=["one", "two", "three"],
)
def test_a_list_ends_with_and(words: list[str], text: str) -> None:
    assert joined(words) == text


@pytest.mark.parametrize(
    ("numbers", "found"),
    [([], []), ([4], [(4, 4)]), ([1, 2, 3, 5, 8, 9], [(1, 3), (5, 5), (8, 9)])],
    ids=str,
)
def test_consecutive_numbers_are_one_run(numbers: list[int], found: list[tuple[int, int]]) -> None:
    assert runs(numbers) == found


@pytest.mark.parametrize(
    ("numbers", "found"),
    [
        ([0, 15, 30, 45], None),
        ([1, 3, 5, 7, 9], Series(1, 9, 2)),
        ([1, 3, 5, 7, 10], None),
        (range(6), Series(0, 5, 1)),
    ],
    ids=str,
)
def test_five_numbers_at_equal_distances_are_a_series(numbers: list[int], found: Series | None) -> None:
    assert series(numbers) == found


def test_a_list_of_choices_ends_with_or() -> None:
    assert joined(["a", "b", "c"], "or") == "a, b or c"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (9, "9th"),
        (10, "10th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (20, "20th"),
        (21, "21st"),
        (22, "22nd"),
        (23, "23rd"),
        (30, "30th"),
        (31, "31st"),
        (111, "111th"),
        (121, "121st"),
    ],
)
def test_an_ordinal_has_its_english_ending(number: int, text: str) -> None:
    assert ordinal(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(13.0, "13"), (52.5, "52.5"), (-0.1, "-0.1"), (100.0, "100"), (0.05, "0.05"), (-1e-05, "-0.00001")],
)
def test_a_whole_number_has_no_decimal_point(number: float, text: str) -> None:
    assert number_words(number) == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2027, 3, 14, tzinfo=UTC), "14 March 2027"),
        (datetime(2027, 1, 1, tzinfo=UTC), "1 January 2027"),
        (datetime(2027, 12, 31, tzinfo=UTC), "31 December 2027"),
    ],
    ids=["a spring day", "the first day", "the last day"],
)
def test_a_date_is_day_month_and_year(moment: datetime, text: str) -> None:
    assert day_words(moment) == text


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ((2, 30), "02:30"),
        ((0, 0), "00:00"),
        ((23, 5, 9), "23:05:09"),
        ((23, 5, 0, 500_000), "23:05:00.5"),
        ((23, 5, 10, 1), "23:05:10.000001"),
    ],
    ids=["minutes", "midnight", "seconds", "a fraction of second 0", "a microsecond"],
)
def test_a_time_of_day_has_seconds_only_if_they_are_not_zero(time: tuple[int, ...], text: str) -> None:
    hour, minute, second, microsecond = (*time, 0, 0)[:4]
    assert clock_words(datetime(2027, 3, 1, hour, minute, second, microsecond, tzinfo=UTC)) == text


@pytest.mark.parametrize(
    ("length", "text"),
    [
        ({"seconds": 0}, "0 seconds"),
        ({"seconds": 1}, "1 second"),
        ({"seconds": 59}, "59 seconds"),
        ({"seconds": 60}, "1 minute"),
        ({"seconds": 61}, "1 minute and 1 second"),
        ({"minutes": 90}, "1 hour and 30 minutes"),
        ({"hours": 24}, "24 hours"),
        ({"hours": 25}, "25 hours"),
        ({"hours": 47}, "47 hours"),
        ({"hours": 48}, "2 days"),
        ({"hours": 54}, "2 days and 6 hours"),
        ({"days": 7}, "7 days"),
        ({"days": 14}, "2 weeks"),
        ({"days": 15}, "15 days"),
        ({"days": 14, "seconds": 1}, "14 days and 1 second"),
        ({"hours": 1, "minutes": 1, "seconds": 2}, "1 hour, 1 minute and 2 seconds"),
        ({"milliseconds": 1500}, "1.5 seconds"),
        ({"milliseconds": 1}, "0.001 seconds"),
        ({"minutes": 1, "microseconds": 1}, "1 minute and 0.000001 seconds"),
        ({"seconds": 1, "microseconds": 100_000}, "1.1 seconds"),
    ],
)
def test_a_length_of_time_is_named_in_its_largest_fitting_units(length: dict[str, int], text: str) -> None:
    assert length_words(timedelta(**length)) == text


SIZES = {"week": 604800, "day": 86400, "hour": 3600, "minute": 60, "second": 1}


@settings(max_examples=100)
@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)))
def test_the_parts_of_a_length_in_words_add_up_to_it(length: timedelta) -> None:
    parts = length_words(length).replace(" and ", ", ").split(", ")
    total = 0
    for part in parts:
        number, unit = part.split()
        total += round(float(number) * 1_000_000) * SIZES[unit.removesuffix("s")]
    assert timedelta(microseconds=total) == length
