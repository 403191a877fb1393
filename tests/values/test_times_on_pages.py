"""Proves the text of lengths of time, and the HTML of times, on the admin's pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import NOW
from values import instants

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (None, "–"),
        (timedelta(0), "0 ms"),
        (timedelta(microseconds=400), "0 ms"),
        (timedelta(milliseconds=250), "250 ms"),
        (timedelta(milliseconds=999), "999 ms"),
        (timedelta(seconds=1), "1 s"),
        (timedelta(seconds=1.25), "1.2 s"),
        (timedelta(seconds=59.9), "59.9 s"),
        (timedelta(seconds=60), "1 min"),
        (timedelta(seconds=60.6), "1 min 1 s"),
        (timedelta(minutes=59, seconds=59.7), "1 h"),
        (timedelta(minutes=60), "1 h"),
        (timedelta(hours=23, minutes=59, seconds=59), "23 h 59 min"),
        (timedelta(days=1), "1 d"),
        (timedelta(days=1, seconds=59), "1 d"),
        (timedelta(hours=2, seconds=7), "2 h"),
        (timedelta(days=2, hours=4, minutes=9), "2 d 4 h"),
        (timedelta(days=365), "1 y"),
        (timedelta(days=366, hours=5), "1 y 1 d"),
        (timedelta(days=800), "2 y 70 d"),
        (-timedelta(minutes=3, seconds=5), "0 ms"),
        (-timedelta(milliseconds=44), "0 ms"),
    ],
    ids=str,
)
def test_a_length_of_time_has_at_most_two_adjacent_units(length: timedelta | None, text: str) -> None:
    assert instants.duration(length) == text


@settings(max_examples=100)
@given(st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_a_length_has_one_or_two_units_and_is_never_negative(length: timedelta) -> None:
    assert len(instants.duration(length).split()) in (2, 4)
    assert instants.duration(-length) == "0 ms"


@pytest.mark.parametrize(
    ("away", "text"),
    [
        (timedelta(seconds=1), "in 1 s"),
        (-timedelta(seconds=1), "1 s ago"),
        (timedelta(milliseconds=999), "now"),
        (-timedelta(milliseconds=999), "now"),
        (timedelta(seconds=60), "in 1 min"),
        (timedelta(minutes=60), "in 1 h"),
        (-timedelta(hours=24), "1 d ago"),
        (timedelta(days=364), "in 364 d"),
        (-timedelta(days=365), "1 y ago"),
    ],
    ids=str,
)
def test_a_relative_time_changes_its_unit_at_the_full_unit(away: timedelta, text: str) -> None:
    assert instants.relative_text(NOW + away, NOW) == text


def test_a_zone_changes_its_abbreviation_with_daylight_saving() -> None:
    summer = datetime(2026, 7, 1, 12, tzinfo=UTC)

    assert instants.exact_text(summer, NOW, BERLIN) == "1 Jul 14:00:00 CEST"
    assert instants.exact_text(NOW, NOW, BERLIN) == "20 Nov 13:00:00 CET"


def test_a_given_zone_replaces_the_viewers() -> None:
    with timezone.override("Asia/Tokyo"):
        assert instants.exact_text(NOW, NOW, UTC) == "20 Nov 12:00:00 UTC"
        assert instants.exact_text(NOW, NOW) == "20 Nov 21:00:00 JST"


@pytest.mark.parametrize(
    ("zone", "month", "differs"),
    [("Europe/Paris", 11, False), ("Africa/Lagos", 11, False), ("Africa/Lagos", 7, True), ("UTC", 11, True)],
    ids=["same rules", "same time in winter", "another time in summer", "UTC"],
)
def test_two_zones_differ_if_their_clocks_differ_at_that_instant(zone: str, month: int, differs: bool) -> None:
    with timezone.override("Europe/Berlin"):
        assert instants.differs_from_viewer(datetime(2026, month, 1, tzinfo=UTC), ZoneInfo(zone)) is differs


def test_no_time_is_a_dash() -> None:
    assert instants.time_html(None, NOW) == instants.exact_html(None, NOW) == instants.NONE
    assert instants.duration(None) == "–"


def test_a_narrow_column_shows_the_relative_time_with_the_exact_one_as_its_tooltip() -> None:
    with timezone.override("Europe/Berlin"):
        html = instants.relative_html(NOW - timedelta(minutes=5), NOW)

    assert html == (
        '<time class="ms-time" datetime="2026-11-20T11:55:00Z" title="20 Nov 12:55:00 CET">5 min ago</time>'
    )


def test_an_exact_time_names_its_instant_in_utc() -> None:
    with timezone.override("Asia/Tokyo"):
        html = instants.exact_html(NOW.astimezone(BERLIN), NOW)

    assert html == (
        '<time class="ms-time" datetime="2026-11-20T12:00:00Z" title="2026-11-20T12:00:00Z">20 Nov 21:00:00 JST</time>'
    )


def test_a_time_shows_the_relative_before_the_exact_time() -> None:
    html = instants.time_html(NOW + timedelta(hours=2), NOW)

    assert html.index('<span class="ms-relative">in 2 h</span>') < html.index(
        '<span class="ms-exact">20 Nov 14:00:00 UTC</span>'
    )
