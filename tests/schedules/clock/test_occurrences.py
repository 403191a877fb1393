"""Every kind of schedule names the right instants: bounds, alignment, and known cases at clock changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.clock.occurrences import next_after, occurrences
from schedules.clock.reading.schedule import parse
from schedules.clock.spec import Kind, ScheduleSpec
from schedules.clock.zones import local_times as zones_local_times
from schedules.clock.zones.local_times import Fold, Gap
from schedules.clock.zones.zones import LAST_AT, OffsetPeriod, offset_periods_from

NEW_YORK = "America/New_York"
# The instants of the two clock changes of New York in 2027: forward from 02:00 EST, back from 02:00 EDT.
SPRING, AUTUMN = datetime(2027, 3, 14, 7, tzinfo=UTC), datetime(2027, 11, 7, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def cron(expression: str, zone: str = NEW_YORK, gap: Gap = Gap.SHIFT, fold: Fold = Fold.FIRST) -> ScheduleSpec:
    return ScheduleSpec(kind=Kind.CRON, cron=expression, timezone=zone, dst_gap=gap, dst_fold=fold)


def every(length: timedelta, anchor_at: datetime | None) -> ScheduleSpec:
    return ScheduleSpec(kind=Kind.EVERY, every=length, anchor_at=anchor_at)


def local_times(spec: ScheduleSpec, after: datetime, until: datetime) -> list[str]:
    tz = ZoneInfo(spec.timezone)
    return [fire.astimezone(tz).strftime("%d %H:%M %Z") for fire in occurrences(spec, after, until)]


def test_the_window_excludes_its_start_and_includes_its_end() -> None:
    spec = cron("0 * * * *", "UTC")
    noon = at("2027-01-01T12:00Z")
    assert list(occurrences(spec, noon, noon + HOUR)) == [noon + HOUR]
    assert list(occurrences(spec, noon - timedelta(microseconds=1), noon)) == [noon]
    assert list(occurrences(spec, noon + timedelta(microseconds=1), noon + HOUR)) == [noon + HOUR]


@pytest.mark.parametrize("spec", [cron("* * * * *"), every(HOUR, AUTUMN), ScheduleSpec(kind=Kind.ONCE, at=AUTUMN)])
def test_a_window_that_ends_before_it_begins_is_empty(spec: ScheduleSpec) -> None:
    assert list(occurrences(spec, AUTUMN, AUTUMN)) == []
    assert list(occurrences(spec, AUTUMN + HOUR, AUTUMN - HOUR)) == []


def test_naive_bounds_are_refused() -> None:
    naive = AUTUMN.replace(tzinfo=None)
    with pytest.raises(ValueError, match="aware"):
        occurrences(cron("* * * * *"), naive, AUTUMN)
    with pytest.raises(ValueError, match="aware"):
        next_after(cron("* * * * *"), naive)


def test_the_bounds_of_a_window_may_be_in_any_time_zone() -> None:
    spec = cron("*/30 * * * *")
    tz = ZoneInfo(NEW_YORK)
    after, until = (AUTUMN - HOUR).astimezone(tz), (AUTUMN + HOUR).astimezone(tz)
    assert list(occurrences(spec, after, until)) == [AUTUMN + n * HOUR / 2 for n in (-1, 0, 1, 2)]


def test_occurrences_are_computed_lazily() -> None:
    endless = occurrences(cron("* * * * * *"), AUTUMN, LAST_AT)
    assert list(islice(endless, 2)) == [AUTUMN + timedelta(seconds=1), AUTUMN + timedelta(seconds=2)]


def test_the_bounds_of_a_schedule_are_inclusive() -> None:
    spec = ScheduleSpec(
        kind=Kind.CRON, cron="0 0 * * *", start_at=at("2027-01-02T00:00Z"), end_at=at("2027-01-04T00:00Z")
    )
    days = [fire.day for fire in occurrences(spec, at("2026-01-01T00:00Z"), at("2028-01-01T00:00Z"))]
    assert days == [2, 3, 4]
    assert next_after(spec, at("2027-01-04T00:00Z")) is None


def test_max_runs_does_not_limit_occurrences() -> None:
    spec = ScheduleSpec(kind=Kind.EVERY, every=HOUR, anchor_at=AUTUMN, max_runs=1)
    assert len(list(occurrences(spec, AUTUMN, AUTUMN + 3 * HOUR))) == 3


def test_once_fires_at_its_instant_and_never_again() -> None:
    spec = ScheduleSpec(kind=Kind.ONCE, at=AUTUMN)
    assert next_after(spec, AUTUMN - HOUR) == AUTUMN
    assert next_after(spec, AUTUMN) is None
    assert list(occurrences(spec, AUTUMN - HOUR, AUTUMN - timedelta(microseconds=1))) == []


def test_a_job_without_a_schedule_has_no_occurrences() -> None:
    assert next_after(ScheduleSpec(kind=Kind.NONE), AUTUMN) is None


def test_every_is_aligned_to_its_anchor_in_both_directions() -> None:
    spec = every(timedelta(minutes=40), at("2027-01-01T12:10Z"))
    before = [fire.strftime("%H:%M") for fire in occurrences(spec, at("2027-01-01T10:00Z"), at("2027-01-01T13:00Z"))]
    assert before == ["10:10", "10:50", "11:30", "12:10", "12:50"]


def test_every_follows_elapsed_time_over_a_clock_change() -> None:
    spec = ScheduleSpec(kind=Kind.EVERY, every=2 * HOUR, anchor_at=AUTUMN, timezone=NEW_YORK)
    assert list(occurrences(spec, AUTUMN - 3 * HOUR, AUTUMN + 2 * HOUR)) == [AUTUMN + n * HOUR for n in (-2, 0, 2)]


def test_every_without_an_anchor_raises_value_error() -> None:
    with pytest.raises(ValueError, match="anchored"):
        next_after(every(HOUR, None), AUTUMN)


@settings(derandomize=True, max_examples=300, deadline=None, database=None)
@given(
    length=st.timedeltas(timedelta(microseconds=1), timedelta(days=3653)),
    ahead=st.timedeltas(timedelta(days=-20_000), timedelta(days=20_000)),
)
def test_every_names_exactly_the_multiples_of_its_length_to_the_microsecond(
    length: timedelta, ahead: timedelta
) -> None:
    spec = every(length, AUTUMN)
    found = list(islice(occurrences(spec, AUTUMN + ahead, LAST_AT), 3))
    assert all((fire - AUTUMN) % length == timedelta(0) for fire in found)
    assert found[0] - length <= AUTUMN + ahead < found[0]
    assert [later - earlier for earlier, later in pairwise(found)] == [length, length]


def test_every_ends_with_the_calendar() -> None:
    spec = every(timedelta(days=3000), AUTUMN)
    # Two steps of 3000 days fit into the window; a third one would leave Python's calendar.
    last = list(occurrences(spec, LAST_AT - timedelta(days=6000), LAST_AT))
    assert len(last) == 2
    assert next_after(spec, last[-1]) is None


SPRING_AND_AUTUMN = [
    ("30 2 * * *", Gap.SHIFT, ["13 02:30 EST", "14 03:00 EDT", "15 02:30 EDT"]),
    ("30 2 * * *", Gap.SKIP, ["13 02:30 EST", "15 02:30 EDT"]),
    ("0,30 2 * * *", Gap.SHIFT, ["13 02:00 EST", "13 02:30 EST", "14 03:00 EDT", "15 02:00 EDT", "15 02:30 EDT"]),
    ("30 2,3 14 * *", Gap.SHIFT, ["14 03:00 EDT", "14 03:30 EDT"]),
    ("0 2,3 14 * *", Gap.SHIFT, ["14 03:00 EDT"]),
    ("0 2,3 14 * *", Gap.SKIP, ["14 03:00 EDT"]),
    ("15 30 2 14 * *", Gap.SHIFT, ["14 03:00 EDT"]),
    ("*/30 1-3 14 * *", Gap.SHIFT, ["14 01:00 EST", "14 01:30 EST", "14 03:00 EDT", "14 03:30 EDT"]),
    ("30 */2 14 * *", Gap.SHIFT, [f"14 {hour:02d}:30 E{'S' if hour < 2 else 'D'}T" for hour in (0, *range(4, 24, 2))]),
]


@pytest.mark.parametrize(("expression", "gap", "expected"), SPRING_AND_AUTUMN)
def test_times_in_the_spring_gap_are_shifted_or_skipped(expression: str, gap: Gap, expected: list[str]) -> None:
    window = (at("2027-03-13T05:00Z"), at("2027-03-16T04:00Z"))
    assert local_times(cron(expression, gap=gap), *window) == expected


@pytest.mark.parametrize(
    ("expression", "fold", "expected"),
    [
        ("30 1 * * *", Fold.FIRST, ["06 01:30 EDT", "07 01:30 EDT", "08 01:30 EST"]),
        ("30 1 * * *", Fold.BOTH, ["06 01:30 EDT", "07 01:30 EDT", "07 01:30 EST", "08 01:30 EST"]),
        ("0,30 1 7 * *", Fold.BOTH, ["07 01:00 EDT", "07 01:30 EDT", "07 01:00 EST", "07 01:30 EST"]),
        ("0 0-3 7 * *", Fold.FIRST, ["07 00:00 EDT", "07 01:00 EDT", "07 02:00 EST", "07 03:00 EST"]),
        ("*/30 1 7 * *", Fold.FIRST, ["07 01:00 EDT", "07 01:30 EDT", "07 01:00 EST", "07 01:30 EST"]),
        ("0 */2 7 * *", Fold.BOTH, ["07 00:00 EDT"] + [f"07 {hour:02d}:00 EST" for hour in range(2, 24, 2)]),
        ("0 30 1 7 * *", Fold.FIRST, ["07 01:30 EDT"]),
    ],
)
def test_times_in_the_autumn_fold_fire_once_or_twice(expression: str, fold: Fold, expected: list[str]) -> None:
    window = (at("2027-11-06T04:00Z"), at("2027-11-09T04:59Z"))
    assert local_times(cron(expression, fold=fold), *window) == expected


def test_a_shifted_time_is_found_from_any_start_before_the_end_of_the_gap() -> None:
    spec = cron("59 1,2 * * *")
    assert next_after(spec, SPRING - timedelta(minutes=1)) == SPRING
    assert next_after(spec, SPRING - timedelta(microseconds=1)) == SPRING
    following = next_after(spec, SPRING)
    assert following is not None
    assert following > SPRING + 20 * HOUR


def test_a_search_from_the_second_pass_of_a_fold_does_not_return_to_the_first() -> None:
    second_pass = AUTUMN + HOUR / 4
    assert next_after(cron("30 1 * * *"), second_pass) == at("2027-11-08T01:30-05:00")
    assert next_after(cron("30 1 * * *", fold=Fold.BOTH), second_pass) == AUTUMN + HOUR / 2


def test_a_time_on_a_day_that_a_zone_skipped_fires_once_at_its_end() -> None:
    # Apia went from UTC-10 to UTC+14 and skipped 30 December 2011.
    window = (at("2011-12-29T00:00-10:00"), at("2011-12-31T23:00+14:00"))
    assert local_times(cron("0 9 * * *", "Pacific/Apia"), *window) == ["29 09:00 -10", "31 00:00 +14", "31 09:00 +14"]
    assert local_times(cron("0 9 * * *", "Pacific/Apia", gap=Gap.SKIP), *window) == ["29 09:00 -10", "31 09:00 +14"]


def test_a_fold_across_new_year_in_utc_fires_a_fixed_time_once() -> None:
    # In Casablanca clocks went back from midnight to 23:00 as 1986 began. In UTC that is the last hour of 1985.
    window = (at("1985-12-31T20:00Z"), at("1986-01-01T01:00Z"))
    assert local_times(cron("30 23 * * *", "Africa/Casablanca"), *window) == ["31 23:30 +01"]
    both = cron("30 23 * * *", "Africa/Casablanca", fold=Fold.BOTH)
    assert local_times(both, *window) == ["31 23:30 +01", "31 23:30 +00"]


def test_a_rare_date_is_found_across_a_century_year_that_is_no_leap_year() -> None:
    # 2100 is no leap year. In 2128 a 29 February is a Sunday again, 40 years after 2088: the longest pause of any cron.
    assert next_after(cron("0 0 29 2 *", "UTC"), at("2096-03-01T00:00Z")) == at("2104-02-29T00:00Z")
    assert next_after(cron("0 0 29 2 */7", "UTC"), at("2088-03-01T00:00Z")) == at("2128-02-29T00:00Z")


def test_a_schedule_whose_times_always_lie_in_a_skipped_gap_ends_the_search() -> None:
    # In Berlin clocks skip 02:00 to 03:00 on each last Sunday of March.
    spec = cron("30 2 * 3 7L", "Europe/Berlin", gap=Gap.SKIP)
    assert next_after(spec, at("2027-01-01T00:00Z")) is None
    shifted = cron("30 2 * 3 7L", "Europe/Berlin")
    assert next_after(shifted, at("2027-01-01T00:00Z")) == at("2027-03-28T01:00Z")


def test_a_search_from_either_end_of_the_calendar_raises_nothing() -> None:
    last = datetime.max.replace(tzinfo=UTC)
    first = datetime.min.replace(tzinfo=UTC)
    for spec in (cron("30 2 * * *"), cron("* * * * *"), every(HOUR, AUTUMN)):
        assert next_after(spec, last) is None
        found = next_after(spec, first)
        assert found is not None
        assert found.year == 1900
    assert list(occurrences(cron("0 0 1 1 *"), at("9998-06-01T00:00Z"), last)) == []


def test_a_search_that_finds_nothing_stops_after_50_years(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[datetime] = []

    def recording_periods(zone: str, start: datetime) -> Iterator[OffsetPeriod]:
        for period in offset_periods_from(zone, start):
            searched.append(period.start_at)
            yield period

    monkeypatch.setattr(zones_local_times, "offset_periods_from", recording_periods)
    assert next_after(cron("30 2 * 3 7L", "Europe/Berlin", gap=Gap.SKIP), at("2027-01-01T00:00Z")) is None
    assert searched[-1].year in (2077, 2078)


def test_no_occurrence_lies_after_end_at() -> None:
    spec = parse({"cron": "0 0 1 1 *", "end_at": "2030-01-01T00:00"}, min_interval=HOUR)
    assert next_after(spec, at("2029-06-01T00:00Z")) == at("2030-01-01T00:00Z")
    assert next_after(spec, at("2030-01-01T00:00Z")) is None
