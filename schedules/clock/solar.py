"""When the sun rises, sets or stands highest at a place, to the second.

Events and instants are those of Celery's `solar`.
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

_EPHEM: Any = ephem  # the type stubs that celery-types ships cover only a part of ephem
_DAY = timedelta(days=1)
_HALF_SECOND = timedelta(milliseconds=500)
MAX_DAYS_WITHOUT_EVENT = 2 * 366  # at the poles the sun rises once a year, so after two years the event never comes
# Degrees. The sun's declination changes by at most 23.44 * 2 * pi / 365.24 = 0.403 in a day.
_MAX_DECLINATION_CHANGE_PER_DAY = 0.42
# Degrees. Covers, with room to spare, what the formula in `_days_without` leaves out: the sun's radius (0.27) and the
# change of its declination between noon and the event (at most 0.42).
_ALTITUDE_MARGIN = 1.5


class SolarEvent(StrEnum):
    """A solar event. At twilight the sun is 18 (astronomical), 12 (nautical) or 6 degrees (civil) below the horizon."""

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
    """How to compute an event with ephem: the method of `Observer`, and the horizon in degrees (and minutes).

    `uses_center`: the sun's centre passes the horizon at the event; otherwise its upper edge does.
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
    event: SolarEvent, place: tuple[float, float], after: datetime, until: datetime
) -> Iterator[datetime]:
    """Yield the instants of the event in (after, until]: aware UTC, whole seconds, strictly increasing.

    `place` is (latitude, longitude) in degrees, south and west negative. Days without the event are skipped; the search
    ends after `MAX_DAYS_WITHOUT_EVENT` of them in a row.
    """
    # Search day by day, never from `after`: ephem's result differs by fractions of a second with the start of the
    # search. Start a day early, because the local day of the place may begin on the UTC day before.
    day = after.date() - _DAY
    n_without = 0
    while n_without < MAX_DAYS_WITHOUT_EVENT:
        at = _instant_of_day(event, place, day)
        n_days = 1 if at else _days_without(event, place[0], day)
        n_without = 0 if at else n_without + n_days
        if at is not None and at > until:
            return
        if at is not None and at > after:
            yield at
            after = at
        day += n_days * _DAY
        if day - _DAY > until.date() + _DAY:
            return


# One computation takes about 0.3 ms, and passes, previews and ledgers need the same days again.
@lru_cache(maxsize=32_768)
def _instant_of_day(event: SolarEvent, place: tuple[float, float], day: date) -> datetime | None:
    """Return the event on one local solar day, rounded to the second; None if it does not happen on that day.

    The day lasts from one lower transit of the sun (local solar midnight) to the next.
    """
    latitude, longitude = place
    call, sun, observer = _EPHEM_CALLS[event], _EPHEM.Sun(), _EPHEM.Observer()
    # ephem reads a string as degrees, but a float as radians.
    observer.lat, observer.lon, observer.elev = str(latitude), str(longitude), 0
    observer.horizon, observer.pressure = call.horizon, 0
    noon = datetime.combine(day, time(12)) - timedelta(hours=longitude / 15)
    midnight = observer.next_antitransit(sun, start=_EPHEM.Date(noon - _DAY))
    observer.date = midnight
    options = {"use_center": True} if call.uses_center else {}
    try:
        found = getattr(observer, call.method)(sun, start=midnight, **options)
    except _EPHEM.CircumpolarError:
        return None
    if found >= observer.next_antitransit(sun, start=_EPHEM.Date(noon)):
        return None  # the event belongs to a later day
    at: datetime = found.datetime().replace(tzinfo=UTC)
    return (at + _HALF_SECOND).replace(microsecond=0)


def _days_without(event: SolarEvent, latitude: float, day: date) -> int:
    """Return for how many days from `day` the event certainly does not happen, at least 1; `day` is known to lack it.

    Altitudes from spherical trigonometry: at noon the sun stands at 90 - |latitude - declination| degrees, at midnight
    at |latitude + declination| - 90. The event needs a horizon between the two.
    """
    # Without this, each search in a polar night or day takes months of single days, and a beat's pass takes seconds.
    call, sun = _EPHEM_CALLS[event], _EPHEM.Sun()
    sun.compute(_EPHEM.Date(datetime.combine(day, time(12))))
    declination, horizon = degrees(sun.dec), degrees(_EPHEM.degrees(call.horizon))
    highest, lowest = 90 - abs(latitude - declination), abs(latitude + declination) - 90
    missing = max(horizon - highest, lowest - horizon)
    return max(1, int((missing - _ALTITUDE_MARGIN) / _MAX_DECLINATION_CHANGE_PER_DAY))
