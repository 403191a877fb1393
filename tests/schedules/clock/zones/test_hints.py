"""A text that is no IANA time zone gets a suggestion with the time that it means, or none."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tzlocal.windows_tz import win_tz

from schedules.clock.zones.hints import ABBREVIATIONS, zone_hint
from schedules.clock.zones.zones import zone_names

WINTER, SUMMER = datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC)


def suggested(text: str) -> list[str]:
    """Return the names in quotes in the hint for a text."""
    return re.findall('"([^"]+)"', zone_hint(text))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("europe/paris", ' Did you mean "Europe/Paris"?'),
        ("america/new york", ' Did you mean "America/New_York"?'),
        ("Paris", ' Did you mean "Europe/Paris"?'),
        ("New York", ' Did you mean "America/New_York"?'),
        ("America/Paris", ' Did you mean "Europe/Paris"?'),
        ("Europe/Munich", ' Did you mean "Europe/Berlin"?'),
        ("San Francisco", ' Did you mean "America/Los_Angeles"?'),
        ("Europe/Berln", ' Did you mean "Europe/Berlin"?'),
        ("Europe/Pari", ' Did you mean "Europe/Paris"?'),
        ("America/Pariss", ' Did you mean "Europe/Paris"?'),
        ("Asia/Kolkatta", ' Did you mean "Asia/Kolkata"?'),
        (
            "CEST",
            (
                ' It is an abbreviation: use the name of a place, such as "Europe/Paris", "Europe/Berlin" or '
                '"Europe/Madrid".'
            ),
        ),
        (
            "pst",
            ' It is an abbreviation: use the name of a place, such as "America/Los_Angeles" or "America/Tijuana".',
        ),
        (
            "IST",
            (
                " It abbreviates several different times: use the name of a place, one of "
                '"Asia/Kolkata", "Europe/Dublin" or "Asia/Jerusalem".'
            ),
        ),
        (
            "UTC+2",
            (
                ' It is a UTC offset: use the name of a place, so that its clock changes are followed, or "Etc/GMT-2". '
                "In the names Etc/GMT the sign is inverted: this one is 2 hours ahead of UTC."
            ),
        ),
        (
            "+05:30",
            (
                " It is a UTC offset: use the name of a place, so that its clock changes are followed, such as "
                '"Asia/Kolkata".'
            ),
        ),
        ("+20:00", " It is a UTC offset: use the name of a place, so that its clock changes are followed."),
        ("GMT+0:00", ' It is a UTC offset: use "UTC".'),
        ("Z", ' Use "UTC".'),
        ("W. Europe Standard Time", ' It is the name of a time zone in Windows: use "Europe/Berlin".'),
        ("qwertz", ' Use one such as "America/New_York" or "UTC".'),
        ("XST", ' Use one such as "America/New_York" or "UTC".'),
        ("", ' Use one such as "America/New_York" or "UTC".'),
    ],
)
def test_a_text_that_is_no_time_zone_gets_a_hint(text: str, hint: str) -> None:
    assert zone_hint(text) == hint


@pytest.mark.parametrize("abbreviation", sorted(ABBREVIATIONS))
def test_each_zone_of_an_abbreviation_exists_and_no_abbreviation_is_a_zone(abbreviation: str) -> None:
    assert abbreviation not in zone_names()
    assert set(ABBREVIATIONS[abbreviation]) <= zone_names()


@pytest.mark.parametrize("abbreviation", sorted(ABBREVIATIONS))
def test_each_zone_of_an_abbreviation_shows_it_on_its_clocks(abbreviation: str) -> None:
    """Where the time zone data have letters. For abbreviations of a pair (ET) and other languages, compare offsets."""
    meant = {
        "PHT": "PST",
        "CEDT": "CEST",
        "MESZ": "CEST",
        "MEZ": "CET",
        "ET": "EST",
        "CT": "CST",
        "MT": "MST",
        "PT": "PST",
    }
    for name in ABBREVIATIONS[abbreviation]:
        shown = {at.astimezone(ZoneInfo(name)).tzname() or "" for at in (WINTER, SUMMER)}
        if any(letters.isalpha() for letters in shown):
            assert meant.get(abbreviation, abbreviation) in shown, name


@pytest.mark.parametrize("sign", ["+", "-"])
@pytest.mark.parametrize("prefix", ["UTC", "GMT", ""])
@pytest.mark.parametrize("hours", [1, 2, 5, 11, 12, 14])
def test_the_fixed_zone_of_an_offset_has_this_offset(sign: str, prefix: str, hours: int) -> None:
    for text in (f"{prefix}{sign}{hours}", f"{prefix} {sign}{hours:02d}:00", f"{prefix}{sign}{hours:02d}00"):
        fixed = [name for name in suggested(text) if name.startswith("Etc/")]
        if sign == "-" and hours > 12:
            assert fixed == []
        else:
            offset = timedelta(hours=hours if sign == "+" else -hours)
            assert [SUMMER.astimezone(ZoneInfo(name)).utcoffset() for name in fixed] == [offset]


@pytest.mark.parametrize("text", ["+05:45", "-09:30", "UTC+3:30", "+08:45"])
def test_the_zone_of_an_offset_with_minutes_has_this_offset_all_year(text: str) -> None:
    (name,) = suggested(text)
    hours, minutes = text.removeprefix("UTC").split(":")
    offset = timedelta(hours=int(hours), minutes=int(minutes) if int(hours) > 0 else -int(minutes))
    assert {at.astimezone(ZoneInfo(name)).utcoffset() for at in (WINTER, SUMMER)} == {offset}


@pytest.mark.parametrize("name", sorted(set(win_tz) - zone_names()))
def test_each_time_zone_of_windows_has_a_zone(name: str) -> None:
    assert suggested(name.lower()) == [win_tz[name]]
    assert win_tz[name] in zone_names()


@pytest.mark.long
@settings(derandomize=True, max_examples=300, deadline=None, database=None)
@given(st.one_of(st.text(max_size=80), st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ/_+-:0123456789 ", max_size=40)))
def test_every_suggestion_for_any_text_is_a_time_zone(text: str) -> None:
    assert set(suggested(text)) <= zone_names()


@pytest.mark.long
@settings(derandomize=True, max_examples=300, deadline=None, database=None)
@given(letters=st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=4))
def test_a_short_text_in_capitals_never_leads_to_a_similar_name(letters: str) -> None:
    if letters not in ABBREVIATIONS and letters.casefold() not in {each.casefold() for each in zone_names()}:
        near = [each for each in suggested(letters) if each not in ("America/New_York", "UTC")]
        assert all(each.rpartition("/")[2].casefold() == letters.casefold() for each in near)
