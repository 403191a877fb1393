"""When the sun rises, sets or stands highest at a place, by the second; the events are those of Celery's `solar`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from math import degrees
from typing import Any

import ephem

_SKY: Any = ephem  # the stubs that celery-types brings know a part of it only
_DAY = timedelta(days=1)
_HALF_SECOND = timedelta(milliseconds=500)
GIVE_UP_AFTER = 2 * 366  # days without the event: at the poles themselves the sun rises once a year
# The sun's declination changes by less than this in a day, and by less than the margin between a day's noon and its
# events; the sun's radius is in that as well. In degrees.
_DECLINATION_A_DAY, _MARGIN = 0.42, 1.5


class SolarEvent(StrEnum):
    """What the sun does; twilights are named by how far it stands below the horizon: 18, 12 and 6 degrees."""

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
class _Look:
    """How ephem is asked for an event. `uses_center`: it is the sun's centre that passes the horizon, not its rim."""

    method: str
    horizon: str = "0"
    uses_center: bool = False


_LOOKS = {
    SolarEvent.DAWN_ASTRONOMICAL: _Look("next_rising", "-18", uses_center=True),
    SolarEvent.DAWN_NAUTICAL: _Look("next_rising", "-12", uses_center=True),
    SolarEvent.DAWN_CIVIL: _Look("next_rising", "-6", uses_center=True),
    SolarEvent.SUNRISE: _Look("next_rising", "-0:34"),
    SolarEvent.SOLAR_NOON: _Look("next_transit"),
    SolarEvent.SUNSET: _Look("next_setting", "-0:34"),
    SolarEvent.DUSK_CIVIL: _Look("next_setting", "-6", uses_center=True),
    SolarEvent.DUSK_NAUTICAL: _Look("next_setting", "-12", uses_center=True),
    SolarEvent.DUSK_ASTRONOMICAL: _Look("next_setting", "-18", uses_center=True),
}


def solar_instants(
    event: SolarEvent, place: tuple[float, float], after: datetime, until: datetime
) -> Iterator[datetime]:
    """The instants of the event in (after, until] at (latitude, longitude): aware UTC, whole seconds, strictly increasing.

    Each is found from the midnight before it, never from `after`: ephem comes to another fraction of a second from
    another start. Days without the event are passed over.
    """
    day = after.date() - _DAY
    n_without = 0
    while n_without < GIVE_UP_AFTER:
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


@lru_cache(maxsize=32_768)
def _instant_of_day(event: SolarEvent, place: tuple[float, float], day: date) -> datetime | None:
    """The event between the two midnights of the sun that enclose the noon of that day, at the place's own time."""
    latitude, longitude = place
    look, sun, observer = _LOOKS[event], _SKY.Sun(), _SKY.Observer()
    observer.lat, observer.lon, observer.elev = str(latitude), str(longitude), 0
    observer.horizon, observer.pressure = look.horizon, 0
    noon = datetime.combine(day, time(12)) - timedelta(hours=longitude / 15)
    midnight = observer.next_antitransit(sun, start=_SKY.Date(noon - _DAY))
    observer.date = midnight
    options = {"use_center": True} if look.uses_center else {}
    try:
        found = getattr(observer, look.method)(sun, start=midnight, **options)
    except _SKY.CircumpolarError:
        return None
    if found >= observer.next_antitransit(sun, start=_SKY.Date(noon)):
        return None  # that of a later day
    at: datetime = found.datetime().replace(tzinfo=UTC)
    return (at + _HALF_SECOND).replace(microsecond=0)


def _days_without(event: SolarEvent, latitude: float, day: date) -> int:
    """For how many days, from one without the event, there is certainly none: a polar night is not searched day by day.

    The sun passes the horizon on a day when that lies between its lowest and its highest altitude of the day, and
    these change as slowly as its declination does.
    """
    look, sun = _LOOKS[event], _SKY.Sun()
    sun.compute(_SKY.Date(datetime.combine(day, time(12))))
    declination, horizon = degrees(sun.dec), degrees(_SKY.degrees(look.horizon))
    highest, lowest = 90 - abs(latitude - declination), abs(latitude + declination) - 90
    missing = max(horizon - highest, lowest - horizon)
    return max(1, int((missing - _MARGIN) / _DECLINATION_A_DAY))
