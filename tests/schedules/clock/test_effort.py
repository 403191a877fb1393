"""A search for occurrences takes few steps for every kind of schedule, and stops at its limit with what it found."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from schedules.clock.effort import MAX_STEPS, NO_LIMIT, Effort, SearchTooLong
from schedules.clock.notes.warnings import warnings
from schedules.clock.occurrences import occurrences, occurrences_by_member
from schedules.clock.preview import bounded_preview
from schedules.clock.reading.schedule import parse
from schedules.clock.solar import _instant_of_day
from schedules.clock.spec import ScheduleSpec
from schedules.clock.zones.zones import LAST_AT, _periods_of_year

NOW = datetime(2026, 11, 21, tzinfo=UTC)
NEW_YORK = "America/New_York"
ZONES = [
    NEW_YORK, "Europe/Paris", "Europe/London", "Asia/Tokyo", "Australia/Sydney", "America/Santiago", "Africa/Cairo",
    "Asia/Tehran", "Africa/Casablanca", "Australia/Lord_Howe",
]  # fmt: skip


def spec(**data: object) -> ScheduleSpec:
    return parse(data, min_interval=timedelta(milliseconds=1))


def several(*members: dict[str, Any]) -> ScheduleSpec:
    return spec(specs=list(members))


def n_steps(schedule: ScheduleSpec, count: int = 100) -> float:
    """Return the steps in which the next `count` occurrences are found."""
    effort = Effort(10 * MAX_STEPS)
    list(islice(occurrences_by_member(schedule, NOW, LAST_AT, effort), count))
    return 10 * MAX_STEPS - effort.left


# The slowest schedules that were found: rare dates, years in the far future, polar places, and twenty of each.
@pytest.mark.parametrize(
    ("schedule", "most"),
    [
        pytest.param(spec(cron="* * * * * *"), 1_000, id="each second"),
        pytest.param(spec(cron="0 0 29 2 */7"), 10_000, id="29 February on a Sunday"),
        pytest.param(spec(cron="0 0 29 2 */7", timezone=NEW_YORK), 10_000, id="29 February on a Sunday, in a zone"),
        pytest.param(spec(cron="0 0 31 12 MON#5", timezone=NEW_YORK), 10_000, id="31 December or a fifth Monday"),
        pytest.param(spec(cron="0 0 */31 2-3 *", timezone=NEW_YORK), 10_000, id="1 February and the 1st of March"),
        pytest.param(spec(cron="0 0 0 1 1 ? 2099", timezone=NEW_YORK), 1_000, id="a year in the far future"),
        pytest.param(spec(cron="*/30 2 14 3 *", timezone=NEW_YORK), 20_000, id="a date on which clocks may change"),
        pytest.param(spec(cron="30 2 8-14 3 *", dst_gap="skip", timezone=NEW_YORK), 5_000, id="times that are skipped"),
        pytest.param(spec(solar="sunrise", latitude=89.9, longitude=7.1), 20_000, id="a polar sunrise"),
        pytest.param(spec(solar="dusk_astronomical", latitude=-80, longitude=7.1), 10_000, id="a polar dusk"),
        pytest.param(
            several(*({"cron": f"{n} 0 29 2 */7", "timezone": ZONES[n % 10]} for n in range(20))),
            30_000,
            id="twenty rare dates in ten zones",
        ),
        pytest.param(
            several(*({"solar": "sunrise", "latitude": 85 + n / 4, "longitude": n} for n in range(20))),
            30_000,
            id="twenty polar sunrises",
        ),
    ],
)
def test_a_hundred_occurrences_are_found_in_a_bounded_number_of_steps(schedule: ScheduleSpec, most: int) -> None:
    assert n_steps(schedule) <= most < MAX_STEPS


def test_a_search_for_rare_dates_reads_the_offsets_of_few_years() -> None:
    schedule = spec(cron="0 0 29 2 */7", timezone="Europe/Madrid")  # a zone that no other test uses in these years
    before = _periods_of_year.cache_info().misses
    at = list(islice(occurrences(schedule, datetime(5000, 1, 1, tzinfo=UTC), LAST_AT), 50))
    assert at[-1] - at[0] > timedelta(days=365 * 1200)
    assert _periods_of_year.cache_info().misses - before <= 52


def test_a_century_of_polar_sunrises_needs_few_exact_computations() -> None:
    schedule = spec(solar="sunrise", latitude=89.9, longitude=23.4567)  # a longitude that no other test uses
    before = _instant_of_day.cache_info().misses
    found = list(occurrences(schedule, NOW, datetime(2126, 11, 21, tzinfo=UTC)))
    assert len(found) >= 80
    assert _instant_of_day.cache_info().misses - before <= 600


@pytest.mark.parametrize(
    "schedule",
    [
        spec(cron="*/7 * * * *", timezone=NEW_YORK),
        spec(cron="0 0 29 2 */7"),
        spec(every="1s", anchor_at="2026-01-01T00:00Z"),
        spec(solar="sunset", latitude=70, longitude=20),
        several({"cron": "0 9 * * *"}, {"solar": "sunset", "latitude": 70, "longitude": 20}),
    ],
    ids=["minutes", "rare dates", "an interval", "the sun", "several"],
)
@pytest.mark.parametrize("steps", [0, 40, 400])
def test_a_search_that_stops_has_yielded_a_complete_beginning(schedule: ScheduleSpec, steps: int) -> None:
    found: list[datetime] = []
    with pytest.raises(SearchTooLong):
        found.extend(occurrences(schedule, NOW, LAST_AT, Effort(steps)))
    assert found == list(islice(occurrences(schedule, NOW, LAST_AT), len(found)))


def test_searches_that_share_an_effort_stop_together() -> None:
    effort = Effort(100)
    assert next(occurrences(spec(cron="* * * * *"), NOW, LAST_AT, effort))
    with pytest.raises(SearchTooLong):
        list(occurrences(spec(cron="* * * * *"), NOW, NOW + timedelta(minutes=80), effort))


def test_without_a_limit_no_step_is_counted() -> None:
    assert len(list(occurrences(spec(cron="* * * * *"), NOW, NOW + timedelta(days=1), NO_LIMIT))) == 1440
    assert NO_LIMIT.left == float("inf")


def test_a_preview_that_stops_says_after_how_many_instants_and_why() -> None:
    schedule = spec(cron="0 0 29 2 */7")
    everything = bounded_preview(schedule, NOW, 10, NO_LIMIT)[0]
    assert bounded_preview(schedule, NOW, 10, Effort()) == (everything, "")
    fires, text = bounded_preview(schedule, NOW, 10, Effort(200))
    assert 1 < len(fires) < 10
    assert fires == everything[: len(fires)]
    assert text == f"The preview stops after {len(fires)} instants, because the next one takes too long to find."
    assert bounded_preview(schedule, NOW, 10, Effort(5)) == (
        [],
        "The preview has no instants, because the first one takes too long to find.",
    )


def test_the_warning_of_a_clock_change_does_not_read_each_second_of_the_day() -> None:
    schedule = spec(cron="* * 1-23 * * *", timezone=NEW_YORK)
    calls: list[str] = []
    sys.setprofile(lambda frame, event, _: calls.append(frame.f_code.co_name) if event == "call" else None)
    try:
        notes = warnings(schedule, NOW)
    finally:
        sys.setprofile(None)
    assert [note for note in notes if "it runs at its other times of that day" in note]
    assert len(calls) < 20_000
