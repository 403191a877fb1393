"""Notes on solar schedules: periods of the year without the event."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from schedules.clock.describe import EVENT_WORDS
from schedules.clock.occurrences import occurrences
from schedules.clock.solar import SolarEvent, has_certainly
from schedules.clock.spec import ScheduleSpec
from schedules.clock.wording import day_words

_DAY = timedelta(days=1)
_YEAR_AHEAD = timedelta(days=366)  # every season
# Degrees. Below 48.56 = 90 - 23.44 (tilt of the earth's axis) - 18 (astronomical twilight), each event happens daily.
_MIN_LATITUDE_WITH_MISSING_EVENTS = 48
_MAX_TIME_BETWEEN_DAILY_EVENTS = timedelta(hours=36)  # a longer time means that a day has passed without the event


def solar_notes(spec: ScheduleSpec, event: SolarEvent, now: datetime) -> list[str]:
    """Return a note about the first period without the event in the year after `now`, or an empty list."""
    if abs(spec.latitude) < _MIN_LATITUDE_WITH_MISSING_EVENTS:
        return []
    for after, until in _uncertain_periods(spec, event, now):
        before = max(after, spec.start_at or after)
        for at in occurrences(spec, after, until):
            if at - before > _MAX_TIME_BETWEEN_DAILY_EVENTS:
                period = f"between {day_words(before)} and {day_words(at)}"
                return [f"At this latitude some days have no {EVENT_WORDS[event]}: the schedule does not run {period}."]
            before = at
    return []


def _uncertain_periods(spec: ScheduleSpec, event: SolarEvent, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the periods in the year after `now` that may have days without the event, with two days on both sides.

    Only these periods need the exact instants, which are slow to compute.
    """
    place, end = (spec.latitude, spec.longitude), now + _YEAR_AHEAD
    day, begin = now, None
    while day <= end:
        if not has_certainly(event, place, day.date()):
            begin = begin or day
        elif begin is not None:
            yield max(now, begin - 2 * _DAY), min(end, day + 2 * _DAY)
            begin = None
        day += _DAY
    if begin is not None:
        yield max(now, begin - 2 * _DAY), end
