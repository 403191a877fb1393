"""Reads the text of a cron expression, field by field. Each error says what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from schedules.clock.cron.advice import refuse_count, refuse_notation
from schedules.clock.cron.days import LAST, MonthDay, NthWeekday
from schedules.clock.cron.errors import CronError
from schedules.clock.wording import MONTHS, WEEKDAYS
from values.quoting import quoted

__all__ = [
    "FIELDS",
    "MAX_LENGTH",
    "NICKNAMES",
    "CronError",
    "Field",
    "FieldRule",
    "read_fields",
    "read_parts",
    "tidy",
    "uses_hash",
]

MAX_LENGTH = 255  # characters; more than any sensible expression has; limits the work of reading an expression
MIN_CRON_YEAR, MAX_CRON_YEAR = 1970, 2099  # the years that Quartz accepts
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
_MAX_BEFORE_LAST = 30  # L-30 is the first day of a month of 31 days


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
_DAY_OF_MONTH, _DAY_OF_WEEK, _YEAR = FIELDS[3], FIELDS[5], FIELDS[6]
# The highest number that H stands for, if it is not the highest of the field: every month has 28 days, and Sunday is 0.
_HIGHEST_HASHED = {_DAY_OF_MONTH.name: 28, _DAY_OF_WEEK.name: 6}
_HASHED = re.compile(r"H(?:\((?P<low>[^()-]*)-(?P<high>[^()-]*)\))?(?:/(?P<step>[0-9]+))?")
_USES_HASH = re.compile(r"(?:^|[\s,])H(?:$|[\s,/(])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Field:
    """What a field names: its numbers, and the days that depend on the month.

    `text` is the field with numbers instead of names, without backward ranges, and with `*` instead of `?`.
    """

    text: str
    numbers: frozenset[int] = frozenset()
    month_days: frozenset[MonthDay] = frozenset()
    nth_weekdays: frozenset[NthWeekday] = frozenset()


def uses_hash(text: str) -> bool:
    """Whether an expression contains H, so that its times depend on a key."""
    return _USES_HASH.search(text) is not None


def read_fields(text: str, hash_key: str = "") -> tuple[Field, ...]:
    """Return the seven fields of an expression: second, minute, hour, day of month, month, day of week and year.

    Each H becomes a number that is computed from `hash_key` and the name of the field. Raises CronError with the errors
    of all fields, not only with the first error.
    """
    problems: list[str] = []
    fields: list[Field] = []
    for rule, word in zip(FIELDS, _split(text), strict=True):
        terms: list[Field] = []
        for term in ("*" if word == "?" else word).split(","):
            try:
                terms.append(_read_hashed(rule, term, hash_key) if term.startswith("H") else _read_term(rule, term))
            except ValueError as error:
                problems.append(f"{rule.name}: {error}.")
        fields.append(_union(terms))
    if problems:
        raise CronError(list(dict.fromkeys(problems)))  # a list may repeat a mistake: report it once
    return tuple(fields)


def read_parts(text: str) -> tuple[str, ...]:
    """Return the texts of an expression's fields, seconds first; the year only if it is limited. See `Field.text`."""
    parts = tuple(each.text for each in read_fields(text))
    return parts[:-1] if parts[-1] == "*" else parts


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
        raise CronError([refuse_count(words)])
    return words


def _union(terms: Iterable[Field]) -> Field:
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
    special = _read_special(rule, term)
    if special is not None:
        return special
    span, slash, step_text = term.partition("/")
    if slash and (not re.fullmatch("[0-9]+", step_text) or int(step_text) == 0):
        raise ValueError(f"the step in {quoted(term)} must be a whole number of at least 1")
    step = int(step_text or 1)
    low, dash, high = span.partition("-")
    if span == "*":
        numbers, text = range(rule.low, rule.high + 1), "*"
    elif not dash:
        first = _number(rule, low)
        numbers, text = range(first, (rule.high if slash else first) + 1), str(first)
    else:
        return _read_range(rule, term, _number(rule, low), _last(rule, high, _number(rule, low)), step)
    return Field(f"{text}/{step}" if slash else text, frozenset(numbers[::step]))


def _read_hashed(rule: FieldRule, term: str, hash_key: str) -> Field:
    """Return the numbers of `H`, `H(0-29)`, `H/15` or `H(0-29)/10`, as in Jenkins."""
    match = _HASHED.fullmatch(term)
    if match is None:
        raise ValueError(f"{quoted(term)} is not allowed: write H, H(0-5), H/3 or H(0-5)/3")
    if rule is _YEAR:
        raise ValueError("H is not allowed: name the years")
    low, high = rule.low, _HIGHEST_HASHED.get(rule.name, rule.high)
    if match["low"] is not None:
        low, high = _number(rule, match["low"]), _number(rule, match["high"])
        if high < low:
            raise ValueError(f"the range in {quoted(term)} runs backwards; write H({high}-{low})")
    size = high - low + 1
    step = int(match["step"] or size)
    if not 1 <= step <= size:
        raise ValueError(f"the step in {quoted(term)} must be from 1 to {size}")
    # The name of the field makes the numbers of the fields independent of each other.
    digest = blake2b(f"{rule.name}\n{hash_key}".encode(), digest_size=8).digest()
    first = low + int.from_bytes(digest) % step
    if match["step"] is None:
        return Field(str(first), frozenset([first]))
    return Field(f"{first}-{high}/{step}" if first < high else str(first), frozenset(range(first, high + 1, step)))


def _read_range(rule: FieldRule, term: str, first: int, last: int, step: int) -> Field:
    """Return the numbers of a range. A range that runs backwards continues at the lowest number of the field."""
    if first < last:
        text = f"{first}-{last}/{step}" if "/" in term else f"{first}-{last}"
        return Field(text, frozenset(range(first, last + 1, step)))
    if first == last:
        return Field(str(first), frozenset([first]))
    if rule is _YEAR:
        raise ValueError(f"the range {quoted(term)} runs backwards; write {last}-{first}")
    highest = rule.high
    if rule is _DAY_OF_WEEK:
        first, highest = first % 7, 6  # both 0 and 7 are Sunday
    spans = [(first, last)] if first <= last else [(first, highest), (rule.low, last)]
    # A step counts across the end of the field: 22-2/2 in hours is 22, 0 and 2.
    numbers = [number for low, high in spans for number in range(low, high + 1)][::step]
    if step > 1:
        return Field(",".join(map(str, numbers)), frozenset(numbers))
    texts = (f"{low}-{high}" if low < high else str(low) for low, high in spans)
    return Field(",".join(texts), frozenset(numbers))


def _last(rule: FieldRule, high: str, first: int) -> int:
    if rule is _DAY_OF_WEEK and first > 0 and rule.names.get(high) == 0:
        return 7  # in FRI-SUN the range ends with the next Sunday, not with day 0
    return _number(rule, high)


def _read_special(rule: FieldRule, term: str) -> Field | None:
    """Return an item that only a day field has, such as `L`, `15W`, `5L` and `MON#2`; None for any other item.

    Raises ValueError if the item is invalid.
    """
    if rule is _DAY_OF_MONTH:
        return _read_month_day(term)
    if rule is _DAY_OF_WEEK:
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
        number = _number(_DAY_OF_MONTH, term[:-1])
        return Field(f"{number}W", month_days=frozenset([MonthDay(number, is_nearest_weekday=True)]))
    return None


def _read_nth_weekday(rule: FieldRule, term: str) -> Field | None:
    day, mark, nth_text = term.partition("#")
    if mark:
        if nth_text not in ("1", "2", "3", "4", "5", "L"):
            raise ValueError(f"the number after # in {quoted(term)} must be from 1 to 5, or L for the last one")
        nth = LAST if nth_text == "L" else int(nth_text)
    elif term == "L":
        raise ValueError("L needs a day, such as 5L or FRIL for the last Friday of the month")
    elif term.endswith("L"):
        day, nth = term[:-1], LAST
    elif term.startswith("L"):
        day, nth = term[1:], LAST
    else:
        return None
    number = _number(rule, day)
    text = f"{number}L" if nth == LAST else f"{number}#{nth}"
    return Field(text, nth_weekdays=frozenset([NthWeekday(number % 7, nth)]))


def _number(rule: FieldRule, word: str) -> int:
    if word in rule.names:
        return rule.names[word]
    allowed = " or ".join(_allowed(rule))
    if word == "":
        raise ValueError(f"a number is missing: use {allowed}")
    if not re.fullmatch("[0-9]+", word):
        raise ValueError(f"{quoted(word)} is not allowed: use {allowed}")
    number = int(word)
    if not rule.low <= number <= rule.high:
        raise ValueError(f"{quoted(number)} is not in {rule.low}-{rule.high}")
    return number


def _allowed(rule: FieldRule) -> Iterator[str]:
    yield f"{rule.low}-{rule.high}"
    short = [name for name in rule.names if len(name) == 3]
    if short:
        yield f"{short[0]}-{short[-1]}"
