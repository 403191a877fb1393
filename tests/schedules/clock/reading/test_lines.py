"""A list of schedules is written as lines of text, and the lines read back to the same list."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.admin.form.mapping import local_text
from schedules.clock.reading.lines import read_lines, write_lines
from schedules.clock.reading.schedule import parse
from schedules.clock.spec import InvalidSchedule, ScheduleSpec

PARIS = "Europe/Paris"
MIN_INTERVAL = timedelta(0)


def read(text: str, zone: str = PARIS) -> ScheduleSpec:
    return parse({"specs": read_lines(text), "timezone": zone}, min_interval=MIN_INTERVAL)


def test_each_line_is_read_as_the_kind_of_schedule_that_it_looks_like() -> None:
    text = """
    0 9 * * mon-fri

    every 1h30m
    Every PT15M from 2027-03-01 09:00
    2027-03-01 09:00
    Sunset 52.5, -13
    dawn_civil -33.9 18.4
    {"cron": "@daily", "timezone": "Asia/Tokyo"}
    """
    assert read_lines(text) == [
        {"cron": "0 9 * * mon-fri"},
        {"every": "1h30m", "anchor_at": None},
        {"every": "PT15M", "anchor_at": "2027-03-01 09:00"},
        {"at": "2027-03-01 09:00"},
        {"solar": "sunset", "latitude": 52.5, "longitude": -13.0},
        {"solar": "dawn_civil", "latitude": -33.9, "longitude": 18.4},
        {"cron": "@daily", "timezone": "Asia/Tokyo"},
    ]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("sometimes", "specs.1.cron"),
        ("every", "specs.1.cron"),
        ("every now and then", "specs.1.every"),
        ("every 5m from noon", "specs.1.anchor_at"),
        ("2027-13-01", "specs.1.at"),
        ("{broken", "specs.1"),
        ("{" * 100_000, "specs.1"),
        ('{"cron": "@daily", "cron": "@hourly"}', "specs.1"),
        ('{"solar": "sunset", "latitude": NaN, "longitude": 1}', "specs.1"),
        ("[1]", "specs.1.cron"),
        ("sunset here", "specs.1.cron"),
        ("sunset 91 0", "specs.1.latitude"),
    ],
)
def test_an_invalid_line_is_refused_under_its_index_and_field(line: str, field: str) -> None:
    with pytest.raises(InvalidSchedule) as refusal:
        read(f"@daily\n{line}")
    assert list(refusal.value.errors) == [field]


# Each form of a line once. The offset is needed in the last but one, because that local time occurs twice.
WRITTEN = """0 9 * * mon-fri
every 15m
every 15m from 2027-03-01 09:00
2027-03-01 09:00
2027-10-31 02:30:00+01:00
sunset 52.5 -13"""


def test_lines_are_written_back_as_they_were_entered() -> None:
    assert write_lines(read(WRITTEN).specs, PARIS, local_text) == WRITTEN


MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "cron": st.sampled_from(["0 9 * * mon-fri", "@daily"]),
        "every": st.sampled_from(["15m", "1500ms"]),
        "at": st.sampled_from(["2027-03-01T09:00", "2027-10-31T02:30:00+01:00", "2027-06-01T00:00:00.25"]),
        "anchor_at": st.just("2027-03-01T09:00"),
        "timezone": st.sampled_from([PARIS, "UTC"]),
        "dst_gap": st.sampled_from(["shift", "skip"]),
        "end_at": st.just("2028-03-01T09:00"),
    },
)


@pytest.mark.long
@settings(derandomize=True, max_examples=400, deadline=None, database=None)
@given(st.lists(MEMBERS, min_size=2, max_size=3))
def test_any_list_written_as_lines_reads_back_to_the_same_list(members: list[dict[str, object]]) -> None:
    try:
        spec = parse({"specs": members, "timezone": PARIS}, min_interval=MIN_INTERVAL)
    except InvalidSchedule:
        return
    text = write_lines(spec.specs, spec.timezone, local_text)
    assert len(text.splitlines()) == len(members)
    assert read(text).specs == spec.specs


def test_a_schedule_with_a_time_zone_of_its_own_is_written_as_json() -> None:
    spec = parse([{"cron": "@daily", "timezone": PARIS}, {"cron": "@hourly"}], min_interval=MIN_INTERVAL)
    first, second = write_lines(spec.specs, "UTC", local_text).splitlines()
    assert first.startswith('{"kind": "cron"')
    assert second == "@hourly"
    assert read(f"{first}\n{second}", "UTC").specs == spec.specs
