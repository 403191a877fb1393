"""Reads single fields of a schedule's JSON.

Each function returns the value of a field, or raises ValueError with the reason.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from schedules.clock.spec import MAX_HASH_KEY_LENGTH
from schedules.clock.wording import clock_words, day_words, joined
from schedules.clock.zones.hints import zone_hint
from schedules.clock.zones.zones import MAX_YEAR, MIN_YEAR, is_zone, utc_by_fold, zone
from values.quoting import quoted
from values.suggestions import did_you_mean

_Choice = TypeVar("_Choice", bound=StrEnum)

_MAX_ZONE_LENGTH = 64  # characters; the longest IANA name has 32
_MAX_INSTANT_LENGTH = 64  # characters; bounds the work of the regular expression
_MAX_COUNT = 1_000_000_000  # fits a 32-bit integer column with room to spare
_INSTANT = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)"
    r"\s?(?P<offset>[Zz]|[+-][0-9]{2}(?::?[0-9]{2}(?::[0-9]{2})?)?)?)?"
)


def read_text(value: object) -> str:
    """Read a string of any length."""
    if not isinstance(value, str):
        raise ValueError(f"must be a string, not {quoted(value)}")  # noqa: TRY004  callers handle only ValueError
    return value


def read_choice(value: object, choices: type[_Choice]) -> _Choice:
    """Read a member of an enumeration by its value."""
    names = [choice.value for choice in choices]
    if isinstance(value, str) and value in names:
        return choices(value)
    near = did_you_mean(value, names) if isinstance(value, str) else ""
    raise ValueError(f"must be {joined(names, 'or')}, not {quoted(value)}.{near}")


def read_count(value: object) -> int:
    """Read a whole number from 1 to 1,000,000,000."""
    # JSON's true is an int in Python.
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_COUNT:
        raise ValueError(f"must be a whole number from 1 to {_MAX_COUNT:,}, not {quoted(value)}")
    return value


def read_degrees(value: object, limit: int) -> float:
    """Read a latitude or longitude: degrees from -`limit` to `limit`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -limit <= value <= limit:
        raise ValueError(f"must be a number of degrees from -{limit} to {limit}, not {quoted(value)}")
    return float(value)


def read_hash_key(value: object) -> str:
    """Read the text from which each H of a cron expression is computed."""
    text = read_text(value)
    if not 1 <= len(text) <= MAX_HASH_KEY_LENGTH:
        raise ValueError(f"must have from 1 to {MAX_HASH_KEY_LENGTH} characters")
    if not text.isprintable():
        raise ValueError("must contain printable characters only")
    return text


def read_zone(value: object) -> str:
    """Read the name of an IANA time zone."""
    text = read_text(value)
    if len(text) > _MAX_ZONE_LENGTH:
        raise ValueError(f"is too long: a time zone's name has at most {_MAX_ZONE_LENGTH} characters")
    if not is_zone(text):
        raise ValueError(f"{quoted(text)} is not an IANA time zone.{zone_hint(text)}")
    return text


def read_instant(value: object, zone_name: str | None, *, needs_time: bool = False) -> datetime:
    """Read an ISO 8601 instant and return it as aware UTC.

    A text without an offset is local time in the zone `zone_name`, and must occur exactly once there. A date without a
    time means midnight; if `needs_time` is set, such a date is refused. `zone_name` is None if the time zone itself is
    wrong: a text without an offset is then read as UTC, so that other errors in the text are still reported.
    """
    text = read_text(value).strip()
    match = _INSTANT.fullmatch(text) if len(text) <= _MAX_INSTANT_LENGTH else None
    if match is None:
        raise ValueError(f"{quoted(text)} is not a date and time: write it like 2027-03-01T09:00:00Z")
    day, time, offset = match.group("date", "time", "offset")
    if time is None and needs_time:
        raise ValueError(f"needs a time: {day}T00:00 is the start of that day, {day}T23:59:59 its last second")
    if not MIN_YEAR <= int(day[:4]) <= MAX_YEAR:
        raise ValueError(f"must be in the years {MIN_YEAR} to {MAX_YEAR}")
    try:
        # datetime has microseconds, so cut the fraction off after six digits: "09:00:00.123456" has 15 characters.
        local = datetime.fromisoformat(f"{day}T{(time or '00:00')[:15]}")
        moment = local.replace(tzinfo=UTC)
        if offset is not None:
            moment = datetime.fromisoformat(f"{local.isoformat()}{offset.upper()}").astimezone(UTC)
    except ValueError as error:
        raise ValueError(f"{quoted(text)} does not exist: use a valid date, time and offset") from error
    if offset is None and zone_name is not None:
        moment = _local_to_utc(local, zone_name)
    if not MIN_YEAR <= moment.year <= MAX_YEAR:
        raise ValueError(f"must be in the years {MIN_YEAR} to {MAX_YEAR} in UTC")
    return moment


def _local_to_utc(local: datetime, zone_name: str) -> datetime:
    """Return a naive local time as UTC. In a gap or fold, raises ValueError, which suggests two instants."""
    first, second = utc_by_fold(local, zone_name)
    if first == second:
        return first
    tz = zone(zone_name)
    options = [_with_offset(local, instant) for instant in (first, second)]
    when = f"{clock_words(local)} on {day_words(local)}"
    if first < second:
        raise ValueError(
            f"{when} occurs twice in {zone_name}: write {options[0]} (the first) or {options[1]} (the second)"
        )
    shown_as = [
        f"{option} ({clock_words(instant.astimezone(tz))} there)"
        for option, instant in zip(options, (first, second), strict=True)
    ]
    raise ValueError(f"{when} does not exist in {zone_name}, because clocks go forward: write {joined(shown_as, 'or')}")


def _with_offset(local: datetime, instant: datetime) -> str:
    """Return `local` as ISO 8601, with the UTC offset that makes it equal to `instant`."""
    seconds = round((local.replace(tzinfo=UTC) - instant) / timedelta(seconds=1))
    hours, remainder = divmod(abs(seconds), 3600)
    tail = f":{remainder % 60:02d}" if remainder % 60 else ""
    return f"{local.isoformat()}{'-' if seconds < 0 else '+'}{hours:02d}:{remainder // 60:02d}{tail}"
