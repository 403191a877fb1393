"""The rules of the seven fields of a cron expression, and the value of a field that has been read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from schedules.clock.cron.days import MonthDay, NthWeekday
from schedules.clock.wording import MONTHS, WEEKDAYS
from values.quoting import quoted
from values.suggestions import did_you_mean

MIN_CRON_YEAR, MAX_CRON_YEAR = 1970, 2099  # the years that Quartz accepts
# A search for all years of an expression starts here: no time zone is as far as a day from UTC.
BEFORE_CRON_YEARS = datetime(MIN_CRON_YEAR - 1, 12, 31, tzinfo=UTC)


def _numbers_by_name(names: Sequence[str], first: int) -> dict[str, int]:
    """Return the numbers of three-letter names, followed by those of full names."""
    short = {name[:3].upper(): number for number, name in enumerate(names, first)}
    return short | {name.upper(): number for number, name in enumerate(names, first)}


@dataclass(frozen=True, slots=True)
class FieldRule:
    """The name of one field, its lowest and highest number, and the names that stand for numbers."""

    name: str
    low: int
    high: int
    names: dict[str, int] = field(default_factory=dict)


FIELDS = (
    FieldRule("second", 0, 59),
    FieldRule("minute", 0, 59),
    FieldRule("hour", 0, 23),
    FieldRule("day of month", 1, 31),
    FieldRule("month", 1, 12, _numbers_by_name(MONTHS, 1)),
    FieldRule("day of week", 0, 7, _numbers_by_name(WEEKDAYS, 0)),
    FieldRule("year", MIN_CRON_YEAR, MAX_CRON_YEAR),
)
DAY_OF_MONTH, MONTH, DAY_OF_WEEK, YEAR = FIELDS[3], FIELDS[4], FIELDS[5], FIELDS[6]


@dataclass(frozen=True, slots=True)
class Field:
    """What a field names: its numbers, and the days that depend on the month.

    `text` is the field with numbers instead of names, without backward ranges, and with `*` instead of `?`.
    """

    text: str
    numbers: frozenset[int] = frozenset()
    month_days: frozenset[MonthDay] = frozenset()
    nth_weekdays: frozenset[NthWeekday] = frozenset()


def read_number(rule: FieldRule, word: str) -> int:
    """Return the number that a word stands for in a field. Raises ValueError if there is none."""
    if word in rule.names:
        return rule.names[word]
    allowed = " or ".join(_allowed(rule))
    if word == "":
        raise ValueError(f"a number is missing: use {allowed}")
    if not re.fullmatch("[0-9]+", word):
        # Compare with short or with full names only: both would suggest "FRI" or "FRIDAY" for FRY.
        near = did_you_mean(word, [name for name in rule.names if (len(name) > 3) == (len(word) > 3)])
        raise ValueError(f"{quoted(word)} is not allowed: use {allowed}{near and '.' + near}")
    number = int(word)
    if not rule.low <= number <= rule.high:
        raise ValueError(f"{quoted(number)} is not in {rule.low}-{rule.high}")
    return number


def _allowed(rule: FieldRule) -> Iterator[str]:
    yield f"{rule.low}-{rule.high}"
    short = [name for name in rule.names if len(name) == 3]
    if short:
        yield f"{short[0]}-{short[-1]}"
