"""Cron fires at each clock change of every zone exactly as the slow oracle, which steps through UTC time, says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.clock.occurrences import next_after, occurrences
from schedules.clock.spec import Kind, ScheduleSpec
from schedules.clock.zones.local_times import Fold, Gap
from schedules.clock.zones.zones import changes, zone_names
from tests.schedules.clock.oracle import (
    MINUTE,
    SECOND,
    Transition,
    all_transitions,
    distinct_zones,
    shown_times,
    transitions_of,
)

pytestmark = pytest.mark.long

POLICIES = [(gap, fold) for gap in Gap for fold in Fold]
AROUND = timedelta(hours=5)  # time on each side of a gap or fold
# Fixed times of day, ranges and lists, and expressions that follow elapsed time because minute or hour starts with *.
EXPRESSIONS = [
    "0 0 * * *",
    "30 2 * * *",
    "30 0,1,2,3 * * *",
    "5,20,35,50 1-3,23 * * *",
    "0 0-23 * * *",
    "0-59/7 0-23/1 * * *",
    "17 * * * *",
    "*/13 * * * *",
    "*/20 1-2 * * *",
    "0 */2 * * *",
]


def spec_of(expression: str, zone: str, gap: Gap = Gap.SHIFT, fold: Fold = Fold.FIRST) -> ScheduleSpec:
    return ScheduleSpec(kind=Kind.CRON, cron=expression, timezone=zone, dst_gap=gap, dst_fold=fold)


def check_around(transition: Transition, expressions: list[str], margin: timedelta, step: timedelta) -> None:
    """Compare every policy with the oracle around a change, from the window's start and from instants inside it."""
    size = abs(transition.after - transition.before)
    # The oracle needs the whole gap or fold, and time on both sides of it.
    clock = shown_times(transition.zone, transition.at - 2 * size - margin, transition.at + 2 * size + margin, step)
    after, until = transition.at - size - margin // 2, transition.at + size + margin // 2
    for expression in expressions:
        for gap, fold in POLICIES:
            expected = [at for at in clock.fires(expression, gap, fold) if after < at <= until]
            spec = spec_of(expression, transition.zone, gap, fold)
            found = list(occurrences(spec, after, until))
            assert found == expected, (transition, expression, gap, fold)
            starts = [transition.at - size, transition.at - SECOND, transition.at, transition.at + size // 2]
            if "*" in "".join(expression.split(" ")[-5:-3]) and (gap, fold) != POLICIES[0]:
                continue  # follows elapsed time whatever the policy, so one policy is enough for the starts inside
            for start in [*starts, *found[:3], *found[-3:]]:
                later = [at for at in expected if at > start]
                assert next_after(spec, start) == (later[0] if later else next_after(spec, until))
                assert list(occurrences(spec, start, until)) == later, (transition, expression, gap, fold, start)


def test_every_kind_of_change_from_2020_to_2030_follows_the_rules() -> None:
    transitions = all_transitions()
    # Fewer would mean that the time zone database was not found.
    assert len(transitions) > 300
    # No expression names a date, so the same change in another year is the same case.
    distinct = {(each.at.time(), each.before, each.after): each for each in transitions}
    assert len(distinct) > 50
    for transition in distinct.values():
        check_around(transition, EXPRESSIONS, AROUND, MINUTE)


# Changes of half an hour, of two hours, at midnight, of the standard offset, across New Year, and skipped whole days.
@pytest.mark.parametrize(
    ("zone", "around"),
    [
        ("America/New_York", "2027-03-14"),
        ("America/New_York", "2027-11-07"),
        ("Australia/Lord_Howe", "2027-04-03"),
        ("Australia/Lord_Howe", "2027-10-02"),
        ("Antarctica/Troll", "2027-03-28"),
        ("Antarctica/Troll", "2027-10-31"),
        ("America/Havana", "2026-03-08"),
        ("America/Havana", "2027-11-07"),
        ("Asia/Beirut", "2027-03-27"),
        ("Asia/Beirut", "2027-10-30"),
        ("Africa/Cairo", "2027-04-29"),
        ("Europe/Dublin", "2027-03-28"),
        ("Europe/Dublin", "2027-10-31"),
        ("Africa/Casablanca", "2026-02-15"),
        ("Asia/Pyongyang", "2015-08-14"),
        ("Asia/Pyongyang", "2018-05-04"),
        ("America/Caracas", "2016-05-01"),
        ("Asia/Dhaka", "2009-12-31"),
        ("Europe/Volgograd", "2020-12-26"),
        ("Antarctica/Casey", "2010-03-04"),
        ("Antarctica/Vostok", "1994-01-31"),
        ("Africa/Casablanca", "1985-12-31"),
        ("Pacific/Kwajalein", "1993-08-21"),
        ("Pacific/Apia", "2011-12-30"),
        ("Pacific/Fakaofo", "2011-12-30"),
    ],
)
def test_unusual_clock_changes_follow_the_rules_for_all_expressions(zone: str, around: str) -> None:
    day = datetime.fromisoformat(around).replace(tzinfo=UTC)
    found = list(transitions_of(zone, day - timedelta(days=1), day + timedelta(days=2), timedelta(hours=1)))
    assert len(found) == 1
    check_around(found[0], EXPRESSIONS, timedelta(hours=8), MINUTE)


@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "America/Sao_Paulo", "Europe/Paris"])
def test_expressions_with_seconds_follow_the_same_rules(zone: str) -> None:
    year = 2017
    start = datetime(year, 1, 1, tzinfo=UTC)
    for transition in transitions_of(zone, start, start + timedelta(days=365), timedelta(hours=12)):
        expressions = ["15 30 2 * * *", "7,50 0,59 0-3 * * *", "*/25 * * * * *", "10 */9 1 * * *"]
        check_around(transition, expressions, timedelta(minutes=40), SECOND)


def test_changes_finds_every_clock_change_of_every_zone() -> None:
    start, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
    zones = distinct_zones()
    assert len(zones) > 300 and zone_names().issuperset(zones)
    found = {(change.at, change.before, change.after) for name in zones for change in changes(name, start, end)}
    assert found == {(t.at, t.before, t.after) for t in all_transitions() if t.at <= end}


@st.composite
def time_fields(draw: st.DrawFn, low: int, high: int) -> str:
    form = draw(st.sampled_from(["one", "list", "range", "range step", "star", "star step"]))
    first = draw(st.integers(low, high))
    last = draw(st.integers(first, high))
    step = draw(st.integers(1, (high - low) // 2))
    listed = ",".join(str(n) for n in draw(st.lists(st.integers(low, high), min_size=1, max_size=4)))
    forms = {
        "one": str(first),
        "list": listed,
        "range": f"{first}-{last}",
        "range step": f"{first}-{last}/{step}",
        "star": "*",
        "star step": f"*/{step}",
    }
    return forms[form]


DAY_FIELDS = st.sampled_from(
    ["* * *", "* * 0", "* * 6,7", "1-15 * *", "*/2 * SUN", "29-31 * 1-5", "L * *", "* * 7L", "* * SUN#2", "LW * 6"]
)


@settings(derandomize=True, max_examples=150, deadline=None, database=None)
@given(data=st.data(), minute=time_fields(0, 59), hour=time_fields(0, 23), days=DAY_FIELDS)
def test_random_expressions_follow_the_rules_at_random_changes(
    data: st.DataObject, minute: str, hour: str, days: str
) -> None:
    transition = data.draw(st.sampled_from(all_transitions()))
    check_around(transition, [f"{minute} {hour} {days}"], timedelta(hours=8), MINUTE)


@settings(derandomize=True, max_examples=150, deadline=None, database=None)
@given(
    data=st.data(),
    minute=time_fields(0, 59),
    hour=time_fields(0, 23),
    before=st.timedeltas(timedelta(0), timedelta(hours=30)),
)
def test_a_search_from_any_occurrence_gives_the_same_later_occurrences(
    data: st.DataObject, minute: str, hour: str, before: timedelta
) -> None:
    transition = data.draw(st.sampled_from(all_transitions()))
    gap, fold = data.draw(st.sampled_from(POLICIES))
    spec = spec_of(f"{minute} {hour} * * *", transition.zone, gap, fold)
    until = transition.at + timedelta(hours=30)
    whole = list(occurrences(spec, transition.at - before, until))
    assert all(earlier < later for earlier, later in pairwise(whole))
    assert all(at > transition.at - before and at.tzinfo is UTC for at in whole)
    stepped: list[datetime] = []
    at = transition.at - before
    while len(stepped) < 40 and (following := next_after(spec, at)) is not None and following <= until:
        stepped.append(following)
        at = following
    assert stepped == whole[:40]
