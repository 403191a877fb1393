"""A zone has the right offset periods and clock changes, and a local time the right instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest

from schedules.clock.zones.zones import FIRST_AT, LAST_AT, changes, instants_of, offset_periods_from, zone, zone_names
from tests.schedules.clock.oracle import transitions_of


def naive(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2027-03-14T01:59", ["06:59"]),
        ("2027-03-14T02:00", []),
        ("2027-03-14T02:59:59", []),
        ("2027-03-14T03:00", ["07:00"]),
        ("2027-11-07T00:59", ["04:59"]),
        ("2027-11-07T01:00", ["05:00", "06:00"]),
        ("2027-11-07T01:59", ["05:59", "06:59"]),
        ("2027-11-07T02:00", ["07:00"]),
    ],
)
def test_a_local_time_has_no_instant_in_a_gap_two_in_a_fold_and_else_one(local: str, expected: list[str]) -> None:
    found = instants_of(naive(local), "America/New_York")
    assert [at.strftime("%H:%M") for at in found if at.tzinfo is UTC and not at.second] == expected


def test_a_local_time_on_a_skipped_day_has_no_instant() -> None:
    assert instants_of(naive("2011-12-30T12:00"), "Pacific/Apia") == ()


@pytest.mark.parametrize("name", ["", "Mars/Base", "localtime", "../etc/passwd", "America", "UTC\x00", "\ud800", "utc"])
def test_a_name_that_is_not_a_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not an IANA time zone"):
        zone(name)


def test_offset_periods_are_adjacent_and_have_the_offset_of_their_zone() -> None:
    tz = ZoneInfo("Africa/Casablanca")
    periods = list(islice(offset_periods_from("Africa/Casablanca", datetime(1984, 6, 1, tzinfo=UTC)), 150))
    assert periods[0].start_at <= datetime(1984, 6, 1, tzinfo=UTC) < periods[0].end_at
    for period, following in pairwise(periods):
        assert period.end_at == following.start_at
        assert period.start_at.astimezone(tz).utcoffset() == period.offset
        assert (period.end_at - timedelta(seconds=1)).astimezone(tz).utcoffset() == period.offset


def test_seen_until_includes_a_fold_that_began_before_new_year() -> None:
    # Clocks went back from 24:00 to 23:00 on the last day of 1985, at 23:00 UTC.
    periods = offset_periods_from("Africa/Casablanca", datetime(1985, 12, 31, 23, tzinfo=UTC))
    last, first = next(periods), next(periods)
    assert last.local_start == naive("1985-12-31T23:00")
    assert last.seen_until == first.seen_until == naive("1986-01-01T00:00")


def test_changes_excludes_its_start_and_includes_its_end() -> None:
    at = datetime(2027, 3, 14, 7, tzinfo=UTC)
    second = timedelta(seconds=1)
    assert [change.at for change in changes("America/New_York", at - second, at)] == [at]
    assert list(changes("America/New_York", at, at + second)) == []
    assert list(changes("America/New_York", at - second, at - timedelta(microseconds=1))) == []


# Zones with clock changes that follow each other within days or weeks, for example around Ramadan.
@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "years"),
    [
        ("Africa/Freetown", (1930, 1945)),
        ("Africa/Tunis", (1940, 1946)),
        ("Africa/Cairo", (2005, 2016)),
        ("Africa/Casablanca", (1970, 2088)),
        ("Asia/Gaza", (1960, 2076)),
    ],
)
def test_clock_changes_within_a_few_days_are_all_found(name: str, years: tuple[int, int]) -> None:
    start, end = (datetime(year, 1, 1, tzinfo=UTC) for year in years)
    expected = [(t.at, t.before, t.after) for t in transitions_of(name, start, end, timedelta(hours=6))]
    assert [(change.at, change.before, change.after) for change in changes(name, start, end)] == expected


@pytest.mark.long
def test_every_zone_has_offset_periods_at_both_ends_of_the_supported_years() -> None:
    for name in zone_names():
        assert next(offset_periods_from(name, FIRST_AT)).start_at <= FIRST_AT
        assert next(offset_periods_from(name, LAST_AT)).end_at > LAST_AT
