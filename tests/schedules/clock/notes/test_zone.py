"""A time zone whose clocks never change has a note that says so, with the right offset."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from schedules.clock.notes.warnings import warnings
from schedules.clock.notes.zone import zone_notes
from schedules.clock.reading.schedule import parse
from schedules.clock.spec import ScheduleSpec
from schedules.clock.zones.zones import zone_names

JULY = datetime(2026, 7, 1, tzinfo=UTC)
MINUS = "\u2212"
FIXED = ["EST", "MST", "HST", *sorted(name for name in zone_names() if re.fullmatch("Etc/GMT[+-][1-9][0-9]?", name))]


def spec(**data: object) -> ScheduleSpec:
    return parse(data, min_interval=timedelta(seconds=1))


@pytest.mark.parametrize(
    ("name", "note"),
    [
        (
            "EST",
            (
                f"The time zone EST is always UTC{MINUS}5: its clocks never change. In New York, clocks change: use "
                '"America/New_York" to follow them.'
            ),
        ),
        (
            "Etc/GMT+5",
            (
                f"The time zone Etc/GMT+5 is west of Greenwich, always UTC{MINUS}5: in the names Etc/GMT the sign is "
                "inverted, and clocks never change. Use the name of a place to follow its clocks."
            ),
        ),
        (
            "Etc/GMT-2",
            (
                "The time zone Etc/GMT-2 is east of Greenwich, always UTC+2: in the names Etc/GMT the sign is "
                "inverted, and clocks never change. Use the name of a place to follow its clocks."
            ),
        ),
    ],
)
def test_a_zone_without_clock_changes_gets_a_warning(name: str, note: str) -> None:
    assert warnings(spec(cron="0 9 * * *", timezone=name), JULY) == [note]


@pytest.mark.parametrize("name", FIXED)
def test_the_offset_of_a_note_is_that_of_the_zone_all_year(name: str) -> None:
    (note,) = zone_notes(spec(cron="0 9 * * *", timezone=name))
    match = re.search(r"always UTC([+\u2212])([0-9]+)", note)
    assert match is not None
    offset = timedelta(hours=int(match[2]) * (1 if match[1] == "+" else -1))
    months = [datetime(2026, month, 1, tzinfo=UTC) for month in range(1, 13)]
    assert {at.astimezone(ZoneInfo(name)).utcoffset() for at in months} == {offset}
    assert ("west" in note) <= (offset < timedelta(0)) and ("east" in note) <= (offset > timedelta(0))


@pytest.mark.parametrize(
    "name", ["UTC", "Etc/GMT", "Etc/GMT+0", "GMT0", "America/New_York", "EST5EDT", "CET", "Asia/Tokyo"]
)
def test_other_zones_get_no_note(name: str) -> None:
    assert zone_notes(spec(cron="0 9 * * *", timezone=name)) == []


@pytest.mark.parametrize(
    ("data", "n_notes"),
    [
        ({"at": "2027-07-01T09:00"}, 1),
        ({"every": "1h"}, 0),
        ({"kind": "none"}, 0),
        ({"specs": [{"cron": "0 9 * * *"}, {"cron": "0 10 * * *"}]}, 1),
        ({"specs": [{"cron": "0 9 * * *", "timezone": "MST"}, {"cron": "0 10 * * *"}]}, 2),
    ],
    ids=["once", "an interval", "none", "a list", "two zones"],
)
def test_schedules_of_local_times_get_one_note_for_each_zone(data: dict[str, object], n_notes: int) -> None:
    assert len(zone_notes(spec(timezone="EST", **data))) == n_notes
