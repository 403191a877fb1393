"""Proves how the admin's pages show a time: relative, and exact in the viewer's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from tests.factories import NOW
from values import instants


@pytest.mark.parametrize(
    ("away", "text"),
    [
        (timedelta(milliseconds=400), "now"),
        (timedelta(seconds=59), "in 59 s"),
        (-timedelta(minutes=5, seconds=59), "5 min ago"),
        (timedelta(hours=30), "in 1 d"),
        (timedelta(days=800), "in 2 y"),
    ],
)
def test_a_relative_time_is_cut_to_one_unit(away: timedelta, text: str) -> None:
    assert instants.relative_text(NOW + away, NOW) == text


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "20 Nov 12:00:00 UTC"),
        ("Europe/Paris", "20 Nov 13:00:00 CET"),
        ("America/Sao_Paulo", "20 Nov 09:00:00 UTC-3"),
        ("Pacific/Kiritimati", "21 Nov 02:00:00 UTC+14"),
    ],
)
def test_an_exact_time_is_in_the_viewers_zone_and_names_it(zone: str, text: str) -> None:
    with timezone.override(zone):
        assert instants.exact_text(NOW, NOW) == text


def test_the_year_is_shown_if_it_is_not_the_current_one_in_the_viewers_zone() -> None:
    eve = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert instants.exact_text(eve, NOW) == "31 Dec 23:30:00 UTC"
    with timezone.override("Europe/Paris"):
        assert instants.exact_text(eve, NOW) == "1 Jan 2027 00:30:00 CET"


def test_the_time_in_another_zone_is_shown_only_if_clocks_there_differ() -> None:
    with timezone.override("Europe/Paris"):
        both = instants.time_html(NOW, NOW, ZoneInfo("America/New_York"))
        one = instants.time_html(NOW, NOW, ZoneInfo("Europe/Berlin"))
    assert "13:00:00 CET" in both and "07:00:00 EST" in both
    assert one.count("ms-exact") == 1
    assert 'datetime="2026-11-20T12:00:00Z"' in both
