"""Proves that the ids of a span of time lie between its bounds, and what counts as an id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import NOW
from values.ids import highest_id, lowest_id, read_id, uuid7

MILLISECOND = timedelta(milliseconds=1)
instants = st.datetimes(datetime(1970, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@settings(max_examples=100)
@given(instants)
def test_each_id_lies_between_the_bounds_of_its_millisecond(at: datetime) -> None:
    assert lowest_id(at) <= uuid7(at) <= highest_id(at)


@settings(max_examples=100)
@given(instants)
def test_the_bounds_of_two_successive_milliseconds_leave_no_gap_and_do_not_overlap(at: datetime) -> None:
    assert highest_id(at).int + 1 == lowest_id(at + MILLISECOND).int


def test_the_bounds_do_not_depend_on_the_time_zone() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert lowest_id(elsewhere) == lowest_id(NOW)


def test_microseconds_within_a_millisecond_share_their_bounds() -> None:
    last = NOW + timedelta(microseconds=999)

    assert (lowest_id(NOW), highest_id(NOW)) == (lowest_id(last), highest_id(last))
    assert lowest_id(last + timedelta(microseconds=1)) > lowest_id(last)


def test_the_bounds_of_an_instant_before_1970_are_those_of_the_first_millisecond() -> None:
    early = datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)

    assert highest_id(early) == highest_id(datetime(1970, 1, 1, tzinfo=UTC))
    assert lowest_id(early) < uuid7(early) < highest_id(early)


def test_the_random_part_of_an_id_uses_all_its_bits() -> None:
    ids = [uuid7(NOW).int for _ in range(200)]
    ones, zeros = 0, 0
    for each in ids:
        ones, zeros = ones | each, zeros | ~each
    random_bits = ((1 << 12) - 1) << 64 | (1 << 62) - 1

    assert ones & random_bits == zeros & random_bits == random_bits


@pytest.mark.parametrize(
    "text",
    [
        "01935b7e-0000-7000-8000-000000000001",
        "01935B7E-0000-7000-8000-000000000001",
        "01935b7e000070008000000000000001",
        "{01935b7e-0000-7000-8000-000000000001}",
    ],
    ids=["usual", "capitals", "without dashes", "in braces"],
)
def test_each_spelling_of_an_id_is_read(text: str) -> None:
    assert read_id(text) == UUID("01935b7e-0000-7000-8000-000000000001")


@pytest.mark.parametrize("text", ["", "12", "nightly report", "01935b7e-0000-7000-8000-00000000000g", "0" * 33])
def test_a_text_that_is_no_id_is_none(text: str) -> None:
    assert read_id(text) is None
