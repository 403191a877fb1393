"""Reads the text of a cron expression, field by field. Each error says what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterable

from schedules.clock.cron.advice import count_error, refuse_notation
from schedules.clock.cron.day_items import read_day_item
from schedules.clock.cron.errors import CronError
from schedules.clock.cron.hashed import Hashed, read_hashed
from schedules.clock.cron.rules import DAY_OF_WEEK, FIELDS, YEAR, Field, FieldRule, read_number
from values.quoting import quoted

MAX_LENGTH = 255  # characters; more than any sensible expression has; limits the work of reading an expression
# The nicknames of Vixie cron, except @reboot.
NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

Item = Field | Hashed


def read_items(text: str) -> tuple[tuple[Item, ...], ...]:
    """Return the items of the lists in the seven fields of an expression: second, minute, hour, day of month and so on.

    Raises CronError with the errors of all fields, not only with the first error.
    """
    problems: list[str] = []
    fields: list[tuple[Item, ...]] = []
    for rule, word in zip(FIELDS, _split(text), strict=True):
        items: list[Item] = []
        for term in ("*" if word == "?" else word).split(","):
            try:
                items.append(read_hashed(rule, term) if term.startswith("H") else _read_term(rule, term))
            except ValueError as error:
                text = str(error)
                problems.append(f"{rule.name}: {text}{'' if text.endswith('?') else '.'}")
        fields.append(tuple(items))
    if problems:
        raise CronError(list(dict.fromkeys(problems)))  # a list may repeat a mistake: report it once
    return tuple(fields)


def field_of_key(items: Iterable[Item], hash_key: str) -> Field:
    """Return the field that has these items. Each H becomes a number that is computed from `hash_key`."""
    return union(item.of_key(hash_key) if isinstance(item, Hashed) else item for item in items)


def tidy(text: str) -> str:
    """Return the expression as it is stored: fields separated by single spaces, or a nickname in lower case."""
    words = text.split()
    return words[0].lower() if len(words) == 1 else " ".join(words)


def _split(text: str) -> list[str]:
    """Return the seven fields of an expression in upper case: a missing second is `0`, a missing year is `*`.

    Raises CronError for text that cannot be divided into fields.
    """
    if len(text) > MAX_LENGTH:
        raise CronError([f"is too long: an expression may have at most {MAX_LENGTH} characters."])
    if not text.strip():
        raise CronError(['is empty: write five fields, such as "*/15 * * * *".'])
    nickname = NICKNAMES.get(text.strip().lower())
    if nickname is None:
        refuse_notation(text, NICKNAMES)
    words = (nickname or text).upper().split()
    if len(words) == 5:
        words.insert(0, "0")
    if len(words) == 6:
        words.append("*")
    if len(words) != 7:
        raise CronError([count_error(words)])
    return words


def union(terms: Iterable[Field]) -> Field:
    """Return the field that has the items of all `terms`."""
    terms = list(terms)
    return Field(
        ",".join(term.text for term in terms),
        frozenset().union(*(term.numbers for term in terms)),
        frozenset().union(*(term.month_days for term in terms)),
        frozenset().union(*(term.nth_weekdays for term in terms)),
    )


def _read_term(rule: FieldRule, term: str) -> Field:
    """Return one item of a field's list. Raises ValueError if the item is invalid."""
    if term == "":
        raise ValueError("a list item is empty: remove the extra comma")
    if "?" in term:
        raise ValueError("? must be alone in the field, where it means the same as *")
    day_item = read_day_item(rule, term)
    if day_item is not None:
        return day_item
    span, slash, step_text = term.partition("/")
    if slash and (not re.fullmatch("[0-9]+", step_text) or int(step_text) == 0):
        raise ValueError(f"the step in {quoted(term)} must be a whole number of at least 1")
    step = int(step_text or 1)
    low, dash, high = span.partition("-")
    if span == "*":
        numbers, text = range(rule.low, rule.high + 1), "*"
    elif not dash:
        first = read_number(rule, low)
        numbers, text = range(first, (rule.high if slash else first) + 1), str(first)
    else:
        return _read_range(rule, term, read_number(rule, low), _last(rule, high, read_number(rule, low)), step)
    return Field(f"{text}/{step}" if slash else text, frozenset(numbers[::step]))


def _read_range(rule: FieldRule, term: str, first: int, last: int, step: int) -> Field:
    """Return the numbers of a range. A range that runs backwards continues at the lowest number of the field."""
    if first < last:
        text = f"{first}-{last}/{step}" if "/" in term else f"{first}-{last}"
        return Field(text, frozenset(range(first, last + 1, step)))
    if first == last:
        return Field(str(first), frozenset([first]))
    if rule is YEAR:
        raise ValueError(f"the range {quoted(term)} runs backwards; write {last}-{first}")
    highest = rule.high
    if rule is DAY_OF_WEEK:
        first, highest = first % 7, 6  # both 0 and 7 are Sunday
    spans = [(first, last)] if first <= last else [(first, highest), (rule.low, last)]
    # A step counts across the end of the field: 22-2/2 in hours is 22, 0 and 2.
    numbers = [number for low, high in spans for number in range(low, high + 1)][::step]
    if step > 1:
        return Field(",".join(map(str, numbers)), frozenset(numbers))
    texts = (f"{low}-{high}" if low < high else str(low) for low, high in spans)
    return Field(",".join(texts), frozenset(numbers))


def _last(rule: FieldRule, high: str, first: int) -> int:
    if rule is DAY_OF_WEEK and first > 0 and rule.names.get(high) == 0:
        return 7  # in FRI-SUN the range ends with the next Sunday, not with day 0
    return read_number(rule, high)
