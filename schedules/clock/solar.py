"""Computes dawn, sunrise, solar noon, sunset and dusk at a place, rounded to the second.

The events and their instants are the same as in Celery's `solar` schedules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from math import degrees
from typing import Any

import ephem

from schedules.clock.effort import NO_LIMIT, SOLAR_DAY_STEPS, SOLAR_ESTIMATE_STEPS, Effort

_EPHEM: Any = ephem  # the type stubs that celery-types ships cover only a part of ephem
_DAY = timedelta(days=1)
_HALF_SECOND = timedelta(milliseconds=500)
MAX_DAYS_WITHOUT_EVENT = 2 * 366  # even at the poles the sun rises once a year; no event in two years means never
# Degrees. The sun's declination changes by at most 23.44 * 2 * pi / 365.24 = 0.403 in a day.
_MAX_DECLINATION_CHANGE_PER_DAY = 0.42
_SUN_RADIUS = 0.267  # degrees; it varies by 0.005
# Degrees. More than the sum of the amounts that `_lack` ignores: the change of the sun's declination in the twelve
# hours before and after noon (at most 0.21), the variation of the sun's radius, and the equation of time.
_LACK_MARGIN = 0.3


class SolarEvent(StrEnum):
    """A solar event. Dawn and dusk: the sun is 6° (civil), 12° (nautical) or 18° (astronomical) below the horizon."""

    DAWN_ASTRONOMICAL = "dawn_astronomical"
    DAWN_NAUTICAL = "dawn_nautical"
    DAWN_CIVIL = "dawn_civil"
    SUNRISE = "sunrise"
    SOLAR_NOON = "solar_noon"
    SUNSET = "sunset"
    DUSK_CIVIL = "dusk_civil"
    DUSK_NAUTICAL = "dusk_nautical"
    DUSK_ASTRONOMICAL = "dusk_astronomical"


@dataclass(frozen=True, slots=True)
class _EphemCall:
    """How to compute an event with ephem: a method of `Observer`, and the horizon, as "degrees" or "degrees:minutes".

    `uses_center`: at the event, the sun's centre crosses the horizon. Without it, the sun's upper edge crosses the
    horizon. `next_transit` ignores the horizon.
    """

    method: str
    horizon: str = "0"
    uses_center: bool = False


# Horizons follow the convention of the US Naval Observatory: refraction lifts the sun by 34 arc minutes at the horizon.
_EPHEM_CALLS = {
    SolarEvent.DAWN_ASTRONOMICAL: _EphemCall("next_rising", "-18", uses_center=True),
    SolarEvent.DAWN_NAUTICAL: _EphemCall("next_rising", "-12", uses_center=True),
    SolarEvent.DAWN_CIVIL: _EphemCall("next_rising", "-6", uses_center=True),
    SolarEvent.SUNRISE: _EphemCall("next_rising", "-0:34"),
    SolarEvent.SOLAR_NOON: _EphemCall("next_transit"),
    SolarEvent.SUNSET: _EphemCall("next_setting", "-0:34"),
    SolarEvent.DUSK_CIVIL: _EphemCall("next_setting", "-6", uses_center=True),
    SolarEvent.DUSK_NAUTICAL: _EphemCall("next_setting", "-12", uses_center=True),
    SolarEvent.DUSK_ASTRONOMICAL: _EphemCall("next_setting", "-18", uses_center=True),
}


def solar_instants(
    event: SolarEvent, place: tuple[float, float], after: datetime, until: datetime, effort: Effort = NO_LIMIT
) -> Iterator[datetime]:
    """Yield the instants of the event in (after, until]: aware UTC, whole seconds, strictly increasing.

    `place` is (latitude, longitude) in degrees; south and west are negative. Days without the event are skipped. The
    search ends after `MAX_DAYS_WITHOUT_EVENT` days in a row without the event. Raises SearchTooLong if `effort` is used
    up.
    """
    # Search each day from its start, never from `after`: ephem's result depends on the start of the search, by
    # fractions of a second. Begin a day early, because the local day may begin on the previous UTC day.
    day = after.date() - _DAY
    n_without = 0
    while n_without < MAX_DAYS_WITHOUT_EVENT:
        n_days = days_certainly_without(event, place, day)
        effort.spend(SOLAR_ESTIMATE_STEPS if n_days else SOLAR_DAY_STEPS)
        at = None if n_days else _instant_of_day(event, place, day)
        n_days = max(n_days, 1)
        n_without = 0 if at else n_without + n_days
        if at is not None and at > until:
            return
        if at is not None and at > after:
            yield at
            after = at
        day += n_days * _DAY
        if day - _DAY > until.date() + _DAY:
            return


def days_certainly_without(event: SolarEvent, place: tuple[float, float], day: date) -> int:
    """Return how many local solar days, from `day` on, certainly have no event; 0 if `day` may have one."""
    # Without this estimate, a search in a polar night or day computes months day by day, and a pass takes seconds.
    lack = _lack(event, place, day) - _LACK_MARGIN
    return max(1, int(lack / _MAX_DECLINATION_CHANGE_PER_DAY)) if lack > 0 else 0


def has_certainly(event: SolarEvent, place: tuple[float, float], day: date) -> bool:
    """Whether a local solar day certainly has the event. False means that an exact computation must decide."""
    return _lack(event, place, day) < -_LACK_MARGIN


def _lack(event: SolarEvent, place: tuple[float, float], day: date) -> float:
    """Return by how many degrees the sun misses the altitude of the event on a day; negative: the event happens.

    The sun's altitude in degrees is 90 - |latitude - declination| at noon, and |latitude + declination| - 90 at
    midnight. The event happens if the sun's altitude at the event is between these two.
    """
    call, sun, (latitude, longitude) = _EPHEM_CALLS[event], _EPHEM.Sun(), place
    if event is SolarEvent.SOLAR_NOON:
        return -180.0  # every day has a noon
    sun.compute(_EPHEM.Date(_noon(longitude, day)))
    declination, altitude = degrees(sun.dec), degrees(_EPHEM.degrees(call.horizon))
    if not call.uses_center:
        altitude -= _SUN_RADIUS
    highest, lowest = 90 - abs(latitude - declination), abs(latitude + declination) - 90
    return max(altitude - highest, lowest - altitude)


def _noon(longitude: float, day: date) -> datetime:
    """Return the mean solar noon of a day as naive UTC."""
    return datetime.combine(day, time(12)) - timedelta(hours=longitude / 15)


# One computation takes about 0.3 ms, and passes, previews and ledgers need the same days repeatedly.
@lru_cache(maxsize=32_768)
def _instant_of_day(event: SolarEvent, place: tuple[float, float], day: date) -> datetime | None:
    """Return the instant of the event on a local solar day, rounded to the second; None if the day has no event.

    A local solar day lasts from one lower transit of the sun (solar midnight) to the next.
    """
    latitude, longitude = place
    call, sun, observer = _EPHEM_CALLS[event], _EPHEM.Sun(), _EPHEM.Observer()
    # ephem reads a string as degrees, but a float as radians.
    observer.lat, observer.lon, observer.elev = str(latitude), str(longitude), 0
    observer.horizon, observer.pressure = call.horizon, 0
    midnight = _midnight_before(longitude, day)
    observer.date = midnight
    options = {"use_center": True} if call.uses_center else {}
    try:
        found = getattr(observer, call.method)(sun, start=midnight, **options)
    except _EPHEM.CircumpolarError:
        return None
    if found >= _midnight_before(longitude, day + _DAY):
        return None  # the event belongs to a later day
    at: datetime = found.datetime().replace(tzinfo=UTC)
    return (at + _HALF_SECOND).replace(microsecond=0)


@lru_cache(maxsize=32_768)  # two days share each midnight
def _midnight_before(longitude: float, day: date) -> Any:
    """Return the lower transit of the sun at which a local solar day begins, as an ephem date."""
    observer = _EPHEM.Observer()
    observer.lon, observer.elev, observer.pressure = str(longitude), 0, 0
    return observer.next_antitransit(_EPHEM.Sun(), start=_EPHEM.Date(_noon(longitude, day) - _DAY))
