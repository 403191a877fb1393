"""Turns lists, numbers, instants and lengths of time into words for sentences in English."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

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


_MIN_SERIES = 5  # numbers of a regular pattern; fewer are listed


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers at equal distances: `first`, `first` + `step` and so on up to `last`."""

    first: int
    last: int
    step: int


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return the first and last number of each run of consecutive numbers, in their order."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def series(numbers: Sequence[int]) -> Series | None:
    """Return ascending numbers as a series if they are at least `_MIN_SERIES` and at equal distances, or None."""
    if len(numbers) < _MIN_SERIES:
        return None
    step = numbers[1] - numbers[0]
    is_series = list(numbers) == list(range(numbers[0], numbers[-1] + 1, step))
    return Series(numbers[0], numbers[-1], step) if is_series else None


def across_end(part: str, size: int) -> tuple[int, ...]:
    """Return the numbers of a range across the end of a cron field, in the order in which they follow each other.

    `part`: the text of the field, such as "50,55,0,5,10" for 50-10/5 or "11-12,1-2" for NOV-FEB. `size`: how many
    numbers the field has. The result is empty for another field, and for fewer than three numbers.
    """
    if not re.fullmatch("[0-9]+(?:[-,][0-9]+)*", part):
        return ()
    spans = [item.split("-") for item in part.split(",")]
    numbers = [number for span in spans for number in range(int(span[0]), int(span[-1]) + 1)]
    steps = {(later - number) % size for number, later in pairwise(numbers)}
    is_across = len(numbers) > 2 and numbers[-1] < numbers[0] and len(steps) == 1
    # A range stops before it reaches its first number again.
    return tuple(numbers) if is_across and max(steps) * (len(numbers) - 1) < size else ()


def joined(words: Sequence[str], last: str = "and") -> str:
    """Join one or more words: 'a', 'a and b', 'a, b and c'."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def number_words(number: float) -> str:
    """Return the shortest exact text of a number, without an exponent: '52.5', '13', '0.00001'."""
    return format(Decimal(repr(number)), "f").removesuffix(".0")


def ordinal(number: int) -> str:
    """Return '1st', '2nd', '3rd', '4th', '11th', '21st'."""
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def day_words(moment: datetime) -> str:
    """Return the date of a local time: '14 March 2027'."""
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


def clock_words(moment: datetime) -> str:
    """Return the time of day of a local time: '02:30', or '02:30:15' or '02:30:00.5' if the time has seconds."""
    if moment.microsecond:
        return moment.strftime("%H:%M:%S.%f").rstrip("0")
    return moment.strftime("%H:%M:%S") if moment.second else moment.strftime("%H:%M")


def length_words(length: timedelta) -> str:
    """Return a length of time in words: '15 minutes', '25 hours', '2 days and 6 hours', '1.5 seconds'.

    Days are used only for lengths of at least two days. Weeks are used only for two weeks, three weeks and so on: 15
    days are '15 days'.
    """
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
