"""How values, lists, instants and lengths of time are put into the sentences that people read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


def joined(words: Sequence[str], last: str = "and") -> str:
    """'a', 'a and b', 'a, b and c'."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def nearest(word: str, known: Iterable[str]) -> str:
    """' Did you mean "timezone"?', or nothing when no known word is near."""
    if len(word) > 64:
        return ""
    by_fold = {name.casefold(): name for name in known}
    near = get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return f' Did you mean "{by_fold[near[0]]}"?' if near else ""


def number_words(number: float) -> str:
    """'52.5', '13': as short as it can be and still exact."""
    return repr(number).removesuffix(".0")


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def day_words(moment: datetime) -> str:
    """'14 March 2027', as the datetime itself reads."""
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


def clock_words(moment: datetime) -> str:
    """'02:30', with seconds and fractions only when there are any."""
    if moment.microsecond:
        return moment.strftime("%H:%M:%S.%f").rstrip("0")
    return moment.strftime("%H:%M:%S") if moment.second else moment.strftime("%H:%M")


def zone_words(local: datetime) -> str:
    """The zone's own abbreviation at that moment ('EDT'), or 'UTC+5:30' where it has only a number."""
    name = local.tzname() or "UTC"
    if name[0] not in "+-":
        return name
    seconds = round((local.utcoffset() or timedelta(0)).total_seconds())
    hours, rest = divmod(abs(seconds), 3600)
    sign = "-" if seconds < 0 else "+"
    return f"UTC{sign}{hours}" + (f":{rest // 60:02d}" if rest else "")


def length_words(length: timedelta) -> str:
    """'15 minutes', '25 hours', '2 days and 6 hours', '1.5 seconds'; days and weeks only from two of them on."""
    seconds, micros = length // timedelta(seconds=1), length % timedelta(seconds=1)
    parts: list[str] = []
    for unit, size in (("week", 604800), ("day", 86400), ("hour", 3600), ("minute", 60)):
        whole = seconds // size
        skip = (unit == "week" and (seconds % size or whole < 2)) or (unit == "day" and whole < 2)
        if whole and not skip:
            parts.append(f"{whole} {unit}{'' if whole == 1 else 's'}")
            seconds -= whole * size
    if seconds or micros or not parts:
        fraction = f".{micros.microseconds:06d}".rstrip("0") if micros else ""
        text = f"{seconds}{fraction}"
        parts.append(f"{text} second{'' if text == '1' else 's'}")
    return joined(parts)
