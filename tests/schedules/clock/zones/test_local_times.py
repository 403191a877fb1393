"""Local times become instants by the policies for gaps and folds, within the bounds of the search."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schedules.clock.cron.expression import read_cron
from schedules.clock.zones.local_times import Fold, Gap, cron_instants, has_time_between
from schedules.clock.zones.zones import LAST_AT

NEW_YORK = "America/New_York"
SPRING = datetime(2027, 3, 14, tzinfo=UTC)  # clocks in New York go from 02:00 EST to 03:00 EDT at 07:00 UTC
AUTUMN = datetime(2027, 11, 7, tzinfo=UTC)  # clocks in New York go from 02:00 EDT to 01:00 EST at 06:00 UTC


def fired(
    expression: str, day: datetime, gap: Gap = Gap.SHIFT, fold: Fold = Fold.FIRST, zone: str = NEW_YORK
) -> list[str]:
    """Return the UTC times at which an expression fires from 00:00 to 12:00 UTC of a day."""
    instants = cron_instants(read_cron(expression), zone, (gap, fold), day, day + timedelta(hours=12))
    return [f"{at:%H:%M}" for at in instants]


@pytest.mark.parametrize(
    ("expression", "gap", "times"),
    [
        pytest.param("59 1 * * *", Gap.SHIFT, ["06:59"], id="the minute before the gap"),
        pytest.param("0 2 * * *", Gap.SHIFT, ["07:00"], id="the first minute of the gap"),
        pytest.param("59 2 * * *", Gap.SHIFT, ["07:00"], id="the last minute of the gap"),
        pytest.param("0 3 * * *", Gap.SHIFT, ["07:00"], id="the end of the gap"),
        pytest.param("1 3 * * *", Gap.SHIFT, ["07:01"], id="the minute after the gap"),
        pytest.param("0,20,40 2 * * *", Gap.SHIFT, ["07:00"], id="several times in the gap fire once"),
        pytest.param("0 2,3 * * *", Gap.SHIFT, ["07:00"], id="a time in the gap and its end fire once"),
        pytest.param("0 2,3,4 * * *", Gap.SHIFT, ["07:00", "08:00"], id="the time after the end fires too"),
        pytest.param("0 2 * * *", Gap.SKIP, [], id="skip: the first minute of the gap"),
        pytest.param("59 2 * * *", Gap.SKIP, [], id="skip: the last minute of the gap"),
        pytest.param("0 3 * * *", Gap.SKIP, ["07:00"], id="skip: the end of the gap"),
        pytest.param("0 2,3 * * *", Gap.SKIP, ["07:00"], id="skip: a time in the gap and its end"),
        pytest.param("*/30 2 * * *", Gap.SHIFT, [], id="a starred minute is not moved"),
        pytest.param(
            "30 */2 * * *", Gap.SHIFT, ["01:30", "03:30", "05:30", "08:30", "10:30"], id="a starred hour is not moved"
        ),
    ],
)
def test_a_time_in_a_gap_is_moved_to_its_end_or_skipped(expression: str, gap: Gap, times: list[str]) -> None:
    assert fired(expression, SPRING, gap) == times


@pytest.mark.parametrize(
    ("expression", "fold", "times"),
    [
        pytest.param("59 0 * * *", Fold.BOTH, ["04:59"], id="the minute before the fold"),
        pytest.param("0 1 * * *", Fold.FIRST, ["05:00"], id="the first minute of the fold"),
        pytest.param("59 1 * * *", Fold.FIRST, ["05:59"], id="the last minute of the fold"),
        pytest.param("0 2 * * *", Fold.FIRST, ["07:00"], id="the end of the fold"),
        pytest.param("0 2 * * *", Fold.BOTH, ["07:00"], id="both: the end of the fold"),
        pytest.param("0 1 * * *", Fold.BOTH, ["05:00", "06:00"], id="both: the first minute of the fold"),
        pytest.param("59 1 * * *", Fold.BOTH, ["05:59", "06:59"], id="both: the last minute of the fold"),
        pytest.param("15,45 1 * * *", Fold.BOTH, ["05:15", "05:45", "06:15", "06:45"], id="both: in order"),
        pytest.param("*/30 1 * * *", Fold.FIRST, ["05:00", "05:30", "06:00", "06:30"], id="a starred minute"),
    ],
)
def test_a_time_in_a_fold_fires_once_or_twice(expression: str, fold: Fold, times: list[str]) -> None:
    assert fired(expression, AUTUMN, fold=fold) == times


def test_a_search_that_starts_inside_a_fold_does_not_fire_again() -> None:
    cron = read_cron("30 1 * * *")
    first, second = AUTUMN + timedelta(hours=5, minutes=30), AUTUMN + timedelta(hours=6, minutes=30)
    end = AUTUMN + timedelta(hours=12)
    assert list(cron_instants(cron, NEW_YORK, (Gap.SHIFT, Fold.FIRST), first, end)) == []
    assert list(cron_instants(cron, NEW_YORK, (Gap.SHIFT, Fold.BOTH), first, end)) == [second]


def test_a_half_hour_gap_moves_its_times_by_half_an_hour_at_most() -> None:
    # Clocks on Lord Howe Island go from 02:00 to 02:30 on 3 October 2027, at 15:30 UTC of the day before.
    day = datetime(2027, 10, 2, 12, tzinfo=UTC)
    assert fired("15 2 * * *", day, zone="Australia/Lord_Howe") == ["15:30"]
    assert fired("45 2 * * *", day, zone="Australia/Lord_Howe") == ["15:45"]


@pytest.mark.parametrize(
    ("start", "end", "times"),
    [
        pytest.param(0, 0, [], id="an empty range"),
        pytest.param(0, 3600, ["01:00"], id="an end at a time"),
        pytest.param(0, 3599, [], id="an end one second before a time"),
        pytest.param(3600, 7200, ["02:00"], id="a start at a time"),
        pytest.param(3599, 7200, ["01:00", "02:00"], id="a start one second before a time"),
    ],
)
def test_the_search_excludes_its_start_and_includes_its_end(start: int, end: int, times: list[str]) -> None:
    day = datetime(2027, 1, 1, tzinfo=UTC)
    window = (day + timedelta(seconds=start), day + timedelta(seconds=end))
    found = cron_instants(read_cron("0 * * * *"), "UTC", (Gap.SHIFT, Fold.FIRST), *window)
    assert [f"{at:%H:%M}" for at in found] == times


def test_the_rarest_date_is_found_across_forty_years() -> None:
    # 29 February is a Sunday in 2088 and then not before 2128, as 2100 is no leap year.
    after = datetime(2088, 3, 1, tzinfo=UTC)
    found = cron_instants(
        read_cron("0 0 29 2 */7"), "UTC", (Gap.SHIFT, Fold.FIRST), after, datetime(2200, 1, 1, tzinfo=UTC)
    )
    assert next(found) == datetime(2128, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "is_found"),
    [
        ("02:30:00", "02:31:00", True),
        ("02:29:59", "02:30:00", False),
        ("02:29:59", "02:30:01", True),
        ("02:30:01", "03:00:00", False),
        ("02:30:00", "02:30:00", False),
        ("03:00:00", "02:00:00", False),
    ],
)
def test_a_range_of_local_times_includes_its_start_and_excludes_its_end(start: str, end: str, is_found: bool) -> None:
    low, high = (datetime.fromisoformat(f"2027-01-01T{text}") for text in (start, end))
    assert has_time_between(read_cron("30 2 * * *").new_finder(), low, high) is is_found


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati", "UTC"])
def test_the_search_ends_with_the_calendar(zone: str) -> None:
    after = datetime(9990, 1, 1, tzinfo=UTC)
    found = list(cron_instants(read_cron("0 20 31 12 *"), zone, (Gap.SHIFT, Fold.FIRST), after, LAST_AT))
    assert len(found) == 9


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"])
@pytest.mark.parametrize(
    "expression", ["30 2 29 2 *", "15 2 1 4,10 *", "0,30 1-2 8-14 3,11 */7", "*/30 2 1-7 4,10 *", "30 2 L 3,10 *"]
)
@pytest.mark.parametrize("fold", Fold)
def test_a_search_that_jumps_finds_what_a_search_in_short_steps_finds(expression: str, zone: str, fold: Fold) -> None:
    cron, policies = read_cron(expression), (Gap.SHIFT, fold)
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2034, 1, 1, tzinfo=UTC)
    stepped: list[datetime] = []
    at = start
    while at < end:
        stepped += cron_instants(cron, zone, policies, at, at + timedelta(days=5))
        at += timedelta(days=5)
    assert list(cron_instants(cron, zone, policies, start, end)) == [at for at in stepped if at <= end]
