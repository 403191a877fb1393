"""Solar events agree with Celery's to the second, do not depend on where a search starts, and skip polar nights."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import ephem as partly_typed
import pytest
from celery.schedules import solar
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.clock.describe import describe
from schedules.clock.notes.warnings import warnings
from schedules.clock.occurrences import next_after, occurrences
from schedules.clock.reading.schedule import parse
from schedules.clock.solar import SolarEvent, _instant_of_day, solar_instants
from schedules.clock.spec import ScheduleSpec
from schedules.clock.zones.clock_changes import dst_changes
from schedules.clock.zones.zones import LAST_AT

NOW = datetime(2027, 1, 1, tzinfo=UTC)
ephem: Any = partly_typed
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
TROMSO = {"latitude": 69.65, "longitude": 18.96}


def spec(event: SolarEvent | str = "sunset", **data: object) -> ScheduleSpec:
    return parse({"solar": event, "latitude": 52.5, "longitude": 13.4} | data, min_interval=SECOND)


def celery_instants(event: SolarEvent, latitude: float, longitude: float, after: datetime) -> Iterator[datetime]:
    """Yield the instants at which Celery would fire, in ascending order."""
    schedule: Any = solar(event.value, latitude, longitude)
    while True:
        schedule.cal.date = after
        after = schedule._next_event(ephem.Date(after)).datetime().replace(tzinfo=UTC)
        yield after
        after += timedelta(minutes=1)  # from within the same second Celery finds the same event again


@pytest.mark.long
@settings(derandomize=True, max_examples=150, deadline=None, database=None)
@given(
    event=st.sampled_from(SolarEvent),
    latitude=st.floats(-85, 85),
    longitude=st.floats(-180, 180),
    hours=st.integers(0, 24 * 365 * 20),
)
def test_solar_instants_agree_with_celery_to_the_second(
    event: SolarEvent, latitude: float, longitude: float, hours: int
) -> None:
    after = NOW + timedelta(hours=hours)
    found = list(islice(occurrences(spec(event, latitude=latitude, longitude=longitude), after, LAST_AT), 4))
    expected = list(islice(celery_instants(event, latitude, longitude, after), 4))
    assert all(abs(actual - celery) <= SECOND for actual, celery in zip(found, expected, strict=True))
    assert after < found[0] and all(earlier < later for earlier, later in pairwise(found))


@pytest.mark.parametrize("event", list(SolarEvent))
def test_a_solar_instant_does_not_depend_on_the_start_of_the_search(event: SolarEvent) -> None:
    schedule = spec(event, **TROMSO)
    for at in islice(occurrences(schedule, NOW, LAST_AT), 100):
        assert at.microsecond == 0
        for ahead in (SECOND / 1000, SECOND, timedelta(hours=1), timedelta(hours=11)):
            assert next_after(schedule, at - ahead) == at
        assert list(occurrences(schedule, at - SECOND, at)) == [at]
        assert list(occurrences(schedule, at, at + SECOND)) == []


def test_days_on_which_the_sun_does_not_set_are_skipped() -> None:
    sunsets = list(occurrences(spec("sunset", **TROMSO), NOW, NOW + 366 * DAY))
    # Tromso has polar night from late November to mid January, and midnight sun for 69 days from May on.
    assert len(sunsets) == pytest.approx(245, abs=5)
    pauses = [(a, b - a) for a, b in pairwise(sunsets) if b - a > 2 * DAY]
    assert [(at.month, pause.days) for at, pause in pauses] == [(5, 69)]


@pytest.mark.parametrize("event", ["sunrise", "dusk_civil", "dawn_astronomical"])
# The poles, both sides of the polar circles at 66.56 degrees, and latitudes where only some twilights are missing.
@pytest.mark.long
@pytest.mark.parametrize("latitude", [-90.0, -78.3, -66.6, 60.2, 66.4, 67.5, 81.0, 89.0])
def test_skipping_many_days_of_a_polar_night_at_once_loses_no_event(event: str, latitude: float) -> None:
    place, days = (latitude, 25.0), [NOW.date() + number * DAY for number in range(366)]
    each = {_instant_of_day(SolarEvent(event), place, day) for day in days[1:-1]}
    found = set(solar_instants(SolarEvent(event), place, NOW - DAY, NOW + 366 * DAY))
    assert each - {None} <= found


def test_the_end_of_a_polar_night_is_found_in_fewer_than_40_computations() -> None:
    # A longitude that no other test uses, so that the cache holds none of its days.
    before = _instant_of_day.cache_info().misses
    assert next_after(spec("sunrise", latitude=89, longitude=12.3456), NOW - 60 * DAY) is not None
    assert _instant_of_day.cache_info().misses - before < 40


def test_a_solar_schedule_ends_with_the_calendar() -> None:
    assert len(list(occurrences(spec(), LAST_AT - 2 * DAY, LAST_AT))) == 2
    assert next_after(spec(), LAST_AT) is None


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"event": "sunset"}, "At sunset, seen from 52.5° N, 13.4° E"),
        (
            {"event": "dawn_astronomical", "latitude": -33.87, "longitude": -70},
            "At astronomical dawn, seen from 33.87° S, 70° W",
        ),
        ({"event": "solar_noon", "max_runs": 2}, "At solar noon, seen from 52.5° N, 13.4° E, at most 2 times"),
    ],
)
def test_a_solar_schedule_is_described_in_words(data: dict[str, object], text: str) -> None:
    assert describe(spec(**data)) == text  # type: ignore[arg-type]


def test_days_before_start_at_are_not_reported_as_days_without_the_event() -> None:
    later = {"latitude": 52.5, "longitude": 13.4, "start_at": "2027-03-01T00:00Z"}
    assert warnings(spec("sunset", **later), NOW) == []


def test_a_period_of_days_without_the_event_gets_a_warning() -> None:
    assert warnings(spec(), NOW) == []
    assert warnings(spec("sunset", **TROMSO), NOW) == [
        (
            "At this latitude some days have no sunset: the schedule does not run between 1 January 2027 and "
            "15 January 2027."
        )
    ]


def test_a_clock_change_does_not_affect_a_solar_schedule() -> None:
    changes = dst_changes(spec(timezone="Europe/Berlin"), NOW, NOW + 365 * DAY)
    assert [change.text.partition(". ")[2] for change in changes] == [
        "This schedule follows the sun: the clock change does not move it."
    ] * 2
