"""Reads the items that only the day fields of a cron expression have: `L`, `L-3`, `15W`, `LW`, `5L` and `MON#2`."""

from __future__ import annotations

import re

from schedules.clock.cron.days import LAST, MonthDay, NthWeekday
from schedules.clock.cron.rules import DAY_OF_MONTH, DAY_OF_WEEK, Field, FieldRule, read_number
from values.quoting import quoted

_MAX_BEFORE_LAST = 30  # L-30 is the first day of a month of 31 days
_OF_MONTH = re.compile("L(?:-[0-9]+)?W?|[0-9]*W")
_WEEKDAY = "|".join(["[0-7]", *DAY_OF_WEEK.names])
_OF_WEEK = re.compile(rf"(?:{_WEEKDAY})(?:#[0-9L]|L)|L(?:{_WEEKDAY})")


def read_day_item(rule: FieldRule, term: str) -> Field | None:
    """Return an item that only a day field has, such as `L`, `15W`, `5L` and `MON#2`; None for any other item.

    Raises ValueError if the item is invalid, or if it belongs to another field than `rule`.
    """
    if rule is not DAY_OF_MONTH and _OF_MONTH.fullmatch(term) and not (rule is DAY_OF_WEEK and term == "L"):
        example = f"0 9 {'15W' if term == 'W' else term} * *"
        or_weekday = ", or after a weekday, as in FRIL" if term == "L" else ""
        raise ValueError(f'{term} belongs to the day of month, as in "{example}"{or_weekday}')
    if rule is not DAY_OF_WEEK and _OF_WEEK.fullmatch(term):
        raise ValueError(f'{term} belongs to the day of week, as in "0 9 * * {term}"')
    if rule is DAY_OF_MONTH:
        return _read_month_day(term)
    if rule is DAY_OF_WEEK:
        return _read_nth_weekday(rule, term)
    return None


def _read_month_day(term: str) -> Field | None:
    if match := re.fullmatch("L(?:-([0-9]+))?(W?)", term):
        before = int(match[1] or 0)
        if before > _MAX_BEFORE_LAST:
            raise ValueError(f"the number after L- in {quoted(term)} must be from 1 to {_MAX_BEFORE_LAST}")
        text = f"L-{before}{match[2]}" if before else f"L{match[2]}"
        return Field(text, month_days=frozenset([MonthDay(before, True, bool(match[2]))]))
    if term.endswith("W"):
        if not re.fullmatch("[0-9]+W", term):
            raise ValueError(
                f"W in {quoted(term)} must follow a single day: write 15W for the weekday nearest to the 15th, or LW "
                "for the last weekday"
            )
        number = read_number(DAY_OF_MONTH, term[:-1])
        return Field(f"{number}W", month_days=frozenset([MonthDay(number, is_nearest_weekday=True)]))
    if re.fullmatch("[0-9LW/-]*[LW][0-9LW/-]*", term):
        raise ValueError(f"{quoted(term)} is not allowed: use 1-31, L, L-3, LW or 15W")
    return None


def _read_nth_weekday(rule: FieldRule, term: str) -> Field | None:
    day, mark, nth_text = term.partition("#")
    if mark:
        if nth_text not in ("1", "2", "3", "4", "5", "L"):
            raise ValueError(f"the number after # in {quoted(term)} must be from 1 to 5, or L for the last one")
        nth = LAST if nth_text == "L" else int(nth_text)
    elif _is_day(rule, term):
        return None
    elif term == "L":
        raise ValueError("L needs a day, such as 5L or FRIL for the last Friday of the month")
    elif _is_day(rule, term.removesuffix("L")):
        day, nth = term.removesuffix("L"), LAST
    elif _is_day(rule, term.removeprefix("L")):
        day, nth = term.removeprefix("L"), LAST
    elif any(map(_OF_WEEK.fullmatch, re.split("[-/]", term))):
        raise ValueError(f"{quoted(term)} is not allowed: use 0-7, SUN-SAT, FRIL or FRI#2")
    else:
        return None
    number = read_number(rule, day)
    text = f"{number}L" if nth == LAST else f"{number}#{nth}"
    return Field(text, nth_weekdays=frozenset([NthWeekday(number % 7, nth)]))


def _is_day(rule: FieldRule, word: str) -> bool:
    return word.isdecimal() or word in rule.names
