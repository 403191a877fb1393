"""Proves which notations of a duration are read, why others are refused, and the canonical text of each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from values.durations import MAX_DURATION, duration_text, elapsed, read_duration


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("15m", 900),
        ("2h", 7200),
        ("1d", 86400),
        ("1w", 604800),
        ("90s", 90),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1.5h", 5400),
        ("1500ms", 1.5),
        ("1s500ms", 1.5),
        ("250us", 0.00025),
        ("2 hours 5 minutes", 7500),
        ("3 Days", 259200),
        ("PT15M", 900),
        ("P1DT2H", 93600),
        ("P2W", 1209600),
        ("pt0.5s", 0.5),
        ("P1.5D", 129600),
        (900, 900),
        (0.1, 0.1),
        (1e3, 1000),
        ("900", 900),
        ("1.5", 1.5),
        (" 15m ", 900),
    ],
)
def test_each_notation_is_read_as_its_number_of_seconds(value: object, seconds: float) -> None:
    assert read_duration(value) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("1mo", "months and years have no fixed length"),
        ("2 years", "months and years have no fixed length"),
        ("P1M", "months and years have no fixed length"),
        ("P1Y2D", "months and years have no fixed length"),
        ("15M", "M can mean minutes or months"),
        ("PT", "is not an ISO 8601 duration"),
        ("P", "is not an ISO 8601 duration"),
        ("P1DT", "is not an ISO 8601 duration"),
        ("PT1D", "is not an ISO 8601 duration"),
        ("", "is empty"),
        ("   ", "is empty"),
        ("fast", "is not a duration"),
        ("-5m", "is not a duration"),
        ("5m m", "is not a duration"),
        ("5q", "is not a unit of time"),
        ("30m1h", "the largest first"),
        ("1h1h", "each unit at most once"),
        ("٣m", "is not a duration"),
        (0, "greater than zero"),
        (-1, "greater than zero"),
        ("0s", "greater than zero"),
        (1e-9, "at least one microsecond"),
        (float("inf"), "is not a duration"),
        (float("nan"), "is not a duration"),
        (10**12, "at most ten years"),
        (1e300, "at most ten years"),
        (10**400, "at most ten years"),
        (-(10**12), "greater than zero"),
        ("999999999999999d", "at most ten years"),
        ("3654d", "at most ten years"),
        (True, "is not a duration"),
        ([900], "is not a duration"),
        ("1" * 100, "is too long"),
        ("5m\x00", "is not a duration"),
        ("5\ud800", "is not a duration"),
    ],
)
def test_an_invalid_duration_is_refused_with_the_reason(value: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_duration(value)


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(minutes=15), "15m"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(seconds=90), "1m30s"),
        (timedelta(milliseconds=1500), "1500ms"),
        (timedelta(minutes=1, milliseconds=1), "1m1ms"),
        (timedelta(microseconds=1500), "1500us"),
        (timedelta(days=1), "1d"),
        (timedelta(days=8), "8d"),
        (timedelta(weeks=2), "2w"),
        (timedelta(hours=36), "1d12h"),
    ],
)
def test_each_duration_has_one_canonical_text(length: timedelta, text: str) -> None:
    assert duration_text(length) == text


@profile(derandomize=True, max_examples=500, deadline=None, database=None)
@given(st.timedeltas(timedelta(microseconds=1), MAX_DURATION))
def test_the_canonical_text_is_read_back_exactly(length: timedelta) -> None:
    assert read_duration(duration_text(length)) == length


def test_the_time_between_two_instants_is_never_negative() -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    assert elapsed(at, at + timedelta(seconds=5)) == timedelta(seconds=5)
    assert elapsed(at + timedelta(milliseconds=44), at) == timedelta(0)
