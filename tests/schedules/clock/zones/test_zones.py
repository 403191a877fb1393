"""Zones: names, pieces of constant offset, and what a local time stands for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest

from schedules.clock.zones.zones import FIRST_AT, LAST_AT, changes, instants_of, pieces_from, zone, zone_names
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
def test_a_local_time_stands_for_none_one_or_two_instants(local: str, expected: list[str]) -> None:
    found = instants_of(naive(local), "America/New_York")
    assert [at.strftime("%H:%M") for at in found if at.tzinfo is UTC and not at.second] == expected


def test_a_day_that_was_left_out_has_no_instants() -> None:
    assert instants_of(naive("2011-12-30T12:00"), "Pacific/Apia") == ()


@pytest.mark.parametrize("name", ["", "Mars/Base", "localtime", "../etc/passwd", "America", "UTC\x00", "\ud800", "utc"])
def test_a_name_that_is_not_a_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not an IANA time zone"):
        zone(name)


def test_pieces_follow_on_each_other_and_tell_the_offset_of_their_zone() -> None:
    place = ZoneInfo("Africa/Casablanca")
    pieces = list(islice(pieces_from("Africa/Casablanca", datetime(1984, 6, 1, tzinfo=UTC)), 150))
    assert pieces[0].start_at <= datetime(1984, 6, 1, tzinfo=UTC) < pieces[0].end_at
    for piece, following in pairwise(pieces):
        assert piece.end_at == following.start_at
        assert piece.start_at.astimezone(place).utcoffset() == piece.offset
        assert (piece.end_at - timedelta(seconds=1)).astimezone(place).utcoffset() == piece.offset


def test_a_piece_knows_the_local_times_that_were_shown_before_even_across_new_year() -> None:
    # Clocks went back from 24:00 to 23:00 on the last day of 1985, at 23:00 UTC.
    pieces = pieces_from("Africa/Casablanca", datetime(1985, 12, 31, 23, tzinfo=UTC))
    last, first = next(pieces), next(pieces)
    assert last.local_start == naive("1985-12-31T23:00")
    assert last.seen_until == first.seen_until == naive("1986-01-01T00:00")


def test_changes_are_counted_after_the_start_and_up_to_the_end() -> None:
    at = datetime(2027, 3, 14, 7, tzinfo=UTC)
    second = timedelta(seconds=1)
    assert [change.at for change in changes("America/New_York", at - second, at)] == [at]
    assert list(changes("America/New_York", at, at + second)) == []
    assert list(changes("America/New_York", at - second, at - timedelta(microseconds=1))) == []


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
def test_changes_that_follow_each_other_within_days_are_all_found(name: str, years: tuple[int, int]) -> None:
    start, end = (datetime(year, 1, 1, tzinfo=UTC) for year in years)
    expected = [(t.at, t.before, t.after) for t in transitions_of(name, start, end, timedelta(hours=6))]
    assert [(change.at, change.before, change.after) for change in changes(name, start, end)] == expected


def test_every_zone_can_be_walked_at_both_ends_of_the_supported_years() -> None:
    for name in zone_names():
        assert next(pieces_from(name, FIRST_AT)).start_at <= FIRST_AT
        assert next(pieces_from(name, LAST_AT)).end_at > LAST_AT
