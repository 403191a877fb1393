"""Reads durations as people write them (15m, 1h30m, PT15M, 900), and writes the canonical text of each."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from fractions import Fraction

from values.quoting import quoted

MICROSECOND = timedelta(microseconds=1)  # the resolution of datetime and of PostgreSQL
MAX_DURATION = timedelta(days=3653)  # ten years; longer durations are typing errors, and dates overflow with them
MAX_DURATION_TEXT_LENGTH = 64  # characters

_SECONDS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_UNITS: dict[str, Fraction] = {
    **{
        name: Fraction(_SECONDS[letter])
        for letter, names in {
            "w": ("w", "week", "weeks"),
            "d": ("d", "day", "days"),
            "h": ("h", "hr", "hrs", "hour", "hours"),
            "m": ("m", "min", "mins", "minute", "minutes"),
            "s": ("s", "sec", "secs", "second", "seconds"),
        }.items()
        for name in names
    },
    "ms": Fraction(1, 1000),
    "us": Fraction(1, 1_000_000),
}
_CALENDAR_UNITS = {"mo", "mon", "month", "months", "y", "yr", "yrs", "year", "years"}

_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,9})?"
_PLAIN = re.compile(_NUMBER)
_PART = re.compile(rf"\s*({_NUMBER})\s*([A-Za-z]+)")
_ISO = re.compile(
    rf"P(?:({_NUMBER})Y)?(?:({_NUMBER})M)?(?:({_NUMBER})W)?(?:({_NUMBER})D)?"
    rf"(?:T(?=[0-9])(?:({_NUMBER})H)?(?:({_NUMBER})M)?(?:({_NUMBER})S)?)?",
    re.IGNORECASE,
)
_EXAMPLES = 'write it like "15m", "1h30m", "PT15M", or as a number of seconds'
_NOT_FIXED = (
    'months and years have no fixed length: use weeks or shorter units (a schedule can use cron, such as "0 0 1 * *")'
)


def read_duration(value: object, *, allow_zero: bool = False) -> timedelta:
    """Read a number of seconds (also as text), a text like `1h30m`, or an ISO 8601 duration.

    The result is positive (or zero if `allow_zero`), at most ten years, and rounded to the microsecond. Raises
    ValueError with the reason, without a full stop. A reason that starts with "must" or "is" has no subject:
    the caller adds the subject.
    """
    if isinstance(value, str):
        seconds = _read_text(value)
    # Not math.isfinite: it raises OverflowError for an integer that is too large for a float.
    elif isinstance(value, bool) or not isinstance(value, (int, float)) or not -math.inf < value < math.inf:
        raise ValueError(f"{quoted(value)} is not a duration: {_EXAMPLES}")
    else:
        # repr() returns the shortest text of a float, as it was typed: 0.1 is one tenth, not a binary fraction.
        seconds = Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
    if seconds < 0 or (seconds == 0 and not allow_zero):
        raise ValueError("must not be negative" if allow_zero else "must be greater than zero")
    if seconds > MAX_DURATION // timedelta(seconds=1):
        raise ValueError("must be at most ten years (3653 days)")
    micros = round(seconds * 1_000_000)
    if micros == 0 and seconds:
        raise ValueError("must be at least one microsecond")
    return timedelta(microseconds=micros)


def _read_text(value: str) -> Fraction:
    text = value.strip()
    if len(text) > MAX_DURATION_TEXT_LENGTH:
        raise ValueError(f"is too long: a duration has at most {MAX_DURATION_TEXT_LENGTH} characters")
    if _PLAIN.fullmatch(text):
        return Fraction(text)
    if text[:1] in ("P", "p"):
        return _read_iso(text)
    return _read_units(text)


def _read_iso(text: str) -> Fraction:
    match = _ISO.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"{quoted(text)} is not an ISO 8601 duration: write it like PT15M or P1DT2H")
    years, months, *rest = match.groups()
    if years or months:
        raise ValueError(_NOT_FIXED)
    return sum((Fraction(n) * size for n, size in zip(rest, _SECONDS.values(), strict=True) if n), Fraction(0))


def _read_units(text: str) -> Fraction:
    total, position, smallest = Fraction(0), 0, Fraction(10**9)
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            raise ValueError(f"{quoted(text)} is not a duration: {_EXAMPLES}")
        number, unit = part.groups()
        if unit == "M":
            raise ValueError("M can mean minutes or months: write m for minutes, or use cron for months")
        if unit.lower() in _CALENDAR_UNITS:
            raise ValueError(_NOT_FIXED)
        size = _UNITS.get(unit.lower())
        if size is None:
            raise ValueError(f"{quoted(unit)} is not a unit of time: use w, d, h, m, s or ms")
        if size >= smallest:
            raise ValueError(f"{quoted(text)} must name each unit at most once, the largest first, like 1h30m")
        total, position, smallest = total + Fraction(number) * size, part.end(), size
    if position == 0:
        raise ValueError(f"is empty: {_EXAMPLES}")
    return total


def duration_text(length: timedelta) -> str:
    """Return the canonical text, which `read_duration` accepts: 2w, 1d12h, 1h30m, 1m30s (for 90 s), 1500ms."""
    if length % timedelta(weeks=1) == timedelta(0) and length:
        return f"{length // timedelta(weeks=1)}w"
    rest, text = length, ""
    for letter in ("d", "h", "m"):
        size = timedelta(seconds=_SECONDS[letter])
        if rest >= size:
            text += f"{rest // size}{letter}"
            rest %= size
    for unit, size in (
        ("s", timedelta(seconds=1)),
        ("ms", timedelta(milliseconds=1)),
        ("us", timedelta(microseconds=1)),
    ):
        if rest % size == timedelta(0):
            return text + (f"{rest // size}{unit}" if rest or not text else "")
    return text


def elapsed(start: datetime, end: datetime) -> timedelta:
    """Return the time from `start` to `end`; zero if `end` is earlier.

    Two machines, or two moments of reading the clock, may disagree by some milliseconds.
    """
    return max(end - start, timedelta(0))
