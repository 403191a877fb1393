"""Suggests an IANA time zone for text that is not the name of one, without leading to another time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache

from tzlocal.windows_tz import win_tz

from schedules.clock.wording import joined
from schedules.clock.zones.zones import zone_names

_MAX_SUGGESTIONS = 3
_MIN_SIMILARITY = 0.8  # one typing error in a short name, two in a long name
_MIN_COMPARED_LENGTH = 5  # characters; a shorter text resembles too many names
_MAX_COMPARED_LENGTH = 64  # characters; the time of a comparison grows with the square of the length
# Zones that use an abbreviation, the most populous first. The zones of one abbreviation may have different times.
ABBREVIATIONS: dict[str, tuple[str, ...]] = {
    "ACDT": ("Australia/Adelaide",),
    "ACST": ("Australia/Adelaide", "Australia/Darwin"),
    "ADT": ("America/Halifax",),
    "AEDT": ("Australia/Sydney", "Australia/Melbourne", "Australia/Hobart"),
    "AEST": ("Australia/Sydney", "Australia/Melbourne", "Australia/Brisbane"),
    "AKDT": ("America/Anchorage",),
    "AKST": ("America/Anchorage",),
    "ART": ("America/Argentina/Buenos_Aires",),
    "AST": ("America/Halifax", "America/Puerto_Rico", "Asia/Riyadh"),
    "AWST": ("Australia/Perth",),
    "BRT": ("America/Sao_Paulo",),
    "BST": ("Europe/London", "Asia/Dhaka"),
    "CAT": ("Africa/Maputo", "Africa/Harare"),
    "CDT": ("America/Chicago", "America/Winnipeg", "America/Havana"),
    "CEDT": ("Europe/Paris", "Europe/Berlin", "Europe/Madrid"),
    "CEST": ("Europe/Paris", "Europe/Berlin", "Europe/Madrid"),
    "CLT": ("America/Santiago",),
    "COT": ("America/Bogota",),
    "CST": ("America/Chicago", "Asia/Shanghai", "America/Havana"),
    "CT": ("America/Chicago",),
    "EAT": ("Africa/Nairobi",),
    "EDT": ("America/New_York", "America/Toronto"),
    "EEST": ("Europe/Kyiv", "Europe/Athens", "Europe/Helsinki"),
    "ET": ("America/New_York", "America/Toronto"),
    "GST": ("Asia/Dubai",),
    "HKT": ("Asia/Hong_Kong",),
    "ICT": ("Asia/Bangkok", "Asia/Ho_Chi_Minh"),
    "IDT": ("Asia/Jerusalem",),
    "IRST": ("Asia/Tehran",),
    "IST": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "JST": ("Asia/Tokyo",),
    "KST": ("Asia/Seoul",),
    "MDT": ("America/Denver",),
    "MESZ": ("Europe/Berlin", "Europe/Vienna", "Europe/Zurich"),
    "MEZ": ("Europe/Berlin", "Europe/Vienna", "Europe/Zurich"),
    "MSK": ("Europe/Moscow",),
    "MT": ("America/Denver",),
    "NDT": ("America/St_Johns",),
    "NPT": ("Asia/Kathmandu",),
    "NST": ("America/St_Johns",),
    "NZDT": ("Pacific/Auckland",),
    "NZST": ("Pacific/Auckland",),
    "PDT": ("America/Los_Angeles", "America/Tijuana"),
    "PET": ("America/Lima",),
    "PHT": ("Asia/Manila",),
    "PKT": ("Asia/Karachi",),
    "PST": ("America/Los_Angeles", "America/Tijuana"),
    "PT": ("America/Los_Angeles",),
    "SAST": ("Africa/Johannesburg",),
    "SGT": ("Asia/Singapore",),
    "SST": ("Pacific/Pago_Pago",),
    "TRT": ("Europe/Istanbul",),
    "WAT": ("Africa/Lagos",),
    "WEST": ("Europe/Lisbon",),
    "WIB": ("Asia/Jakarta",),
}
_AMBIGUOUS = {"AST", "BST", "CDT", "CST", "IST"}  # abbreviations of times that differ
# Large cities after which no zone is named.
_CITIES = {
    "abudhabi": "Asia/Dubai",
    "atlanta": "America/New_York",
    "bangalore": "Asia/Kolkata",
    "barcelona": "Europe/Madrid",
    "beijing": "Asia/Shanghai",
    "bengaluru": "Asia/Kolkata",
    "boston": "America/New_York",
    "canberra": "Australia/Sydney",
    "capetown": "Africa/Johannesburg",
    "cologne": "Europe/Berlin",
    "dallas": "America/Chicago",
    "delhi": "Asia/Kolkata",
    "edinburgh": "Europe/London",
    "frankfurt": "Europe/Berlin",
    "geneva": "Europe/Zurich",
    "hamburg": "Europe/Berlin",
    "hanoi": "Asia/Ho_Chi_Minh",
    "houston": "America/Chicago",
    "hyderabad": "Asia/Kolkata",
    "lyon": "Europe/Paris",
    "manchester": "Europe/London",
    "miami": "America/New_York",
    "milan": "Europe/Rome",
    "montreal": "America/Toronto",
    "mumbai": "Asia/Kolkata",
    "munich": "Europe/Berlin",
    "newdelhi": "Asia/Kolkata",
    "nyc": "America/New_York",
    "osaka": "Asia/Tokyo",
    "ottawa": "America/Toronto",
    "philadelphia": "America/New_York",
    "porto": "Europe/Lisbon",
    "riodejaneiro": "America/Sao_Paulo",
    "rotterdam": "Europe/Amsterdam",
    "sanfrancisco": "America/Los_Angeles",
    "seattle": "America/Los_Angeles",
    "shenzhen": "Asia/Shanghai",
    "stpetersburg": "Europe/Moscow",
    "washington": "America/New_York",
    "wellington": "Pacific/Auckland",
}
_OFFSET = re.compile(
    r"(?:UTC|GMT|Z)?\s*(?P<sign>[+\u2212-])\s*(?P<hours>[0-9]{1,2})(?::?(?P<minutes>[0-9]{2}))?", re.IGNORECASE
)
# Zones that keep an offset which is not a whole number of hours, in minutes east of Greenwich.
_ODD_OFFSETS = {
    -570: "Pacific/Marquesas",
    210: "Asia/Tehran",
    270: "Asia/Kabul",
    330: "Asia/Kolkata",
    345: "Asia/Kathmandu",
    390: "Asia/Yangon",
    525: "Australia/Eucla",
    570: "Australia/Darwin",
}
_EAST, _WEST = 14, 12  # hours; the zones Etc/GMT-14 to Etc/GMT+12
_GENERAL = ' Use one such as "America/New_York" or "UTC".'


def zone_hint(text: str) -> str:
    """Return sentences, each after a space, that say which IANA time zone to write instead of `text`."""
    word = text.strip()[:_MAX_COMPARED_LENGTH]
    by_fold = {name.casefold(): name for name in zone_names()}
    if known := by_fold.get(word.replace(" ", "_").casefold()):
        return _did_you_mean([known])
    if word.upper() == "Z":
        return ' Use "UTC".'
    if match := _OFFSET.fullmatch(word):
        return _offset_hint(match)
    if zones := ABBREVIATIONS.get(word.upper()):
        several = "abbreviates several different times" if word.upper() in _AMBIGUOUS else "is an abbreviation"
        return f" It {several}: use the name of a place, {_listed(zones, such_as=word.upper() not in _AMBIGUOUS)}."
    if windows := {name.casefold(): zone for name, zone in win_tz.items()}.get(word.casefold()):
        return f' It is the name of a time zone in Windows: use "{windows}".'
    return _did_you_mean(_by_city(word)) or _GENERAL


def _did_you_mean(names: Iterable[str]) -> str:
    quoted = [f'"{name}"' for name in names]
    return f" Did you mean {joined(quoted, 'or')}?" if quoted else ""


def _listed(names: Iterable[str], *, such_as: bool) -> str:
    return ("such as " if such_as else "one of ") + joined([f'"{name}"' for name in names], "or")


def _offset_hint(match: re.Match[str]) -> str:
    is_east, hours, rest = match["sign"] == "+", int(match["hours"]), int(match["minutes"] or 0)
    if hours == rest == 0:
        return ' It is a UTC offset: use "UTC".'
    place = " It is a UTC offset: use the name of a place, so that its clock changes are followed"
    if rest or hours > (_EAST if is_east else _WEST):
        minutes = hours * 60 + rest
        odd = _ODD_OFFSETS.get(minutes if is_east else -minutes)
        return f'{place}, such as "{odd}".' if odd else f"{place}."
    fixed = f"Etc/GMT{'-' if is_east else '+'}{hours}"
    ahead = f"{hours} hour{'' if hours == 1 else 's'} {'ahead of' if is_east else 'behind'} UTC"
    return f'{place}, or "{fixed}". In the names Etc/GMT the sign is inverted: this one is {ahead}.'


def _by_city(word: str) -> list[str]:
    """Return zones of a city that has this name or, if there is none, a similar name."""
    region, _, city = word.rpartition("/")
    name = _squeezed(city)
    cities = _zones_by_city()
    if found := cities.get(name):
        return list(_of_region(found, region))
    near = _similar(name, [each for each, zones in cities.items() if any(_is_in(zone, region) for zone in zones)])
    if not near and len(name) >= _MIN_COMPARED_LENGTH:
        near = _similar(name, cities)
    return list(dict.fromkeys(zone for match in near for zone in _of_region(cities[match], region)))[:_MAX_SUGGESTIONS]


def _similar(name: str, cities: Iterable[str]) -> list[str]:
    return get_close_matches(name, cities, n=_MAX_SUGGESTIONS, cutoff=_MIN_SIMILARITY)


def _of_region(zones: tuple[str, ...], region: str) -> tuple[str, ...]:
    """Return the zones of the region that was written, or all zones if none is of that region."""
    return tuple(zone for zone in zones if _is_in(zone, region)) or zones


def _is_in(zone: str, region: str) -> bool:
    return bool(region) and zone.casefold().startswith(f"{region.casefold()}/")


@lru_cache(maxsize=1)
def _zones_by_city() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {city: (zone,) for city, zone in _CITIES.items()}
    for zone in sorted(zone_names()):
        area, _, city = zone.rpartition("/")
        if area and area != "Etc":
            name = _squeezed(city)
            found[name] = (*found.get(name, ()), zone)[:_MAX_SUGGESTIONS]
    return found


def _squeezed(name: str) -> str:
    """Return the letters of a name in lower case: "New York" and "New_York" become equal."""
    return "".join(char for char in name.casefold() if char.isalnum())
