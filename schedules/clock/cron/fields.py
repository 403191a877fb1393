"""Reads the text of a cron expression, field by field. Each error says what to write instead."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from schedules.clock.wording import MONTHS, joined
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
_MONTH_NAMES = {name[:3].upper(): index for index, name in enumerate(MONTHS, 1)}
_DAY_NAMES = {name: index for index, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))}


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
    FieldRule("month", 1, 12, _MONTH_NAMES),
    FieldRule("day of week", 0, 7, _DAY_NAMES),
)
_DAY_OF_MONTH, _DAY_OF_WEEK = FIELDS[3], FIELDS[5]


class CronError(ValueError):
    """An invalid cron expression; `messages` holds one sentence for each error in it."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__(" ".join(messages))
        self.messages = messages


def read_parts(text: str) -> tuple[str, ...]:
    """Return the six fields of an expression (first the seconds, last the days of the week), as cronsim reads them.

    Names become numbers, and `?` becomes `*`. Raises CronError with the errors of all fields, not only with the first
    error.
    """
    words = _split(text)
    problems: list[str] = []
    parts: list[str] = []
    for rule, word in zip(FIELDS, words, strict=True):
        if word == "?" and rule in (_DAY_OF_MONTH, _DAY_OF_WEEK):
            word = "*"
        terms: list[str] = []
        for term in word.split(","):
            try:
                terms.append(_read_term(rule, term))
            except ValueError as error:
                problems.append(f"{rule.name}: {error}.")
        parts.append(",".join(terms))
    if problems:
        raise CronError(list(dict.fromkeys(problems)))  # a list may repeat a mistake: report it once
    return tuple(parts)


def tidy(text: str) -> str:
    """Return the expression as it is stored: fields separated by single spaces, or a nickname in lower case."""
    words = text.split()
    return words[0].lower() if len(words) == 1 else " ".join(words)


def _split(text: str) -> list[str]:
    """Return the six fields of an expression in upper case. If the text has only five, the seconds are `0`.

    Raises CronError for text that cannot be divided into fields.
    """
    if len(text) > MAX_LENGTH:
        raise CronError([f"is too long: an expression may have at most {MAX_LENGTH} characters."])
    if not text.isascii() or not all(char.isprintable() or char in "\t\r\n" for char in text):
        raise CronError(["has a character that cron does not allow: use a-z, A-Z, 0-9, spaces and * , - / # ? only."])
    text = NICKNAMES.get(text.strip().lower(), text)
    words = text.upper().split()
    if not words:
        raise CronError(['is empty: write five fields, such as "*/15 * * * *".'])
    if words[0].startswith("@"):
        raise CronError([_refuse_nickname(words[0].lower())])
    if "=" in words[0]:
        raise CronError(["must not contain settings such as TZ=UTC: set the time zone in the field timezone."])
    if len(words) == 5:
        words.insert(0, "0")
    if len(words) != 6:
        raise CronError([_refuse_count(len(words))])
    return words


def _refuse_nickname(word: str) -> str:
    known = joined(list(NICKNAMES), "or")
    if word == "@reboot":
        return f"@reboot names no time, so it can't be scheduled here. Use {known}."
    if word == "@every":
        return '@every is not cron syntax: remove the field "cron", and set the field "every", for example to "15m".'
    return f"{quoted(word)} is not a nickname. Use {known}."


def _refuse_count(count: int) -> str:
    if count == 7:
        return (
            "has 7 fields, but a cron expression has 5 or 6 fields and no year. Leave the year out, and give "
            "start_at and end_at to limit the schedule to some years."
        )
    fields = "minute, hour, day of month, month, day of week"
    return f"has {count} field{'' if count == 1 else 's'}, but needs 5 ({fields}), or 6 with seconds first."


def _read_term(rule: FieldRule, term: str) -> str:
    """Return one item of a field's list, with numbers instead of names. Raises ValueError if the item is invalid."""
    if term == "":
        raise ValueError("a list item is empty: remove the extra comma")
    special = _read_special(rule, term)
    if special is not None:
        return special
    span, slash, step = term.partition("/")
    if slash and (not re.fullmatch("[0-9]+", step) or int(step) == 0):
        raise ValueError(f"the step in {quoted(term)} must be a whole number of at least 1")
    low, dash, high = span.partition("-")
    if span == "*":
        text = "*"
    elif not dash:
        text = str(_number(rule, low))
    else:
        first, last = _number(rule, low), _number(rule, high)
        if rule is _DAY_OF_WEEK and high == "SUN" and first > 0:
            last = 7  # in FRI-SUN the range ends with the next Sunday, not with day 0
        if last < first:
            instead = _forwards(rule, first, last, int(step or 1))
            raise ValueError(f"the range {quoted(term)} runs backwards; write {instead}")
        if first == last:
            return str(first)  # cronsim reads 5-5/10 as 5/10, which continues to the field's maximum: drop the step
        text = f"{first}-{last}"
    return f"{text}/{int(step)}" if slash else text


def _forwards(rule: FieldRule, first: int, last: int, step: int) -> str:
    """Return the items that mean the same as a backward range: 50-59,0-10 for 50-10, and 50,57,4 for 50-10/7."""
    highest = rule.high
    if rule is _DAY_OF_WEEK:
        first, highest = first % 7, 6  # both 0 and 7 are Sunday
    spans = [(first, last)] if first <= last else [(first, highest), (rule.low, last)]
    if step > 1:
        numbers = [number for low, high in spans for number in range(low, high + 1)]
        return ",".join(map(str, numbers[::step]))
    return ",".join(f"{low}-{high}" if low < high else str(low) for low, high in spans)


def _read_special(rule: FieldRule, term: str) -> str | None:
    """Return a special item of a day field (`L`, `LW`, `5L`, `MON#2`) as cronsim reads it; None for any other item.

    Raises ValueError if a special item is invalid or not supported. The error says what to write instead.
    """
    if rule is _DAY_OF_MONTH:
        if term in ("L", "LW"):
            return term
        if re.fullmatch("L-[0-9]+", term):
            raise ValueError(f"{quoted(term)} is not supported; use L (last day) or LW (last weekday)")
        if re.fullmatch("[0-9]+W", term):
            raise ValueError(f"{quoted(term)} (nearest weekday) is not supported; use LW (last weekday) or a number")
    if rule is _DAY_OF_WEEK:
        if term == "L":
            raise ValueError("L needs a day, such as 5L or FRIL for the last Friday of the month")
        if term.endswith("L"):
            return f"{_number(rule, term[:-1])}L"
        day, mark, nth = term.partition("#")
        if mark:
            if nth not in ("1", "2", "3", "4", "5"):
                raise ValueError(f"the number after # in {quoted(term)} must be from 1 to 5")
            return f"{_number(rule, day)}#{nth}"
    if term == "?":
        raise ValueError("? must be alone in the field, and only day of month and day of week allow it")
    if term == "H" or term.startswith(("H/", "H(")):
        raise ValueError("H (a hashed time) is not supported; name a time, or use jitter to spread load")
    return None


def _number(rule: FieldRule, word: str) -> int:
    if word in rule.names:
        return rule.names[word]
    allowed = f"{rule.low}-{rule.high}"
    if rule.names:
        names = list(rule.names)
        allowed += f" or {names[0]}-{names[-1]}"
    if word == "":
        raise ValueError(f"a number is missing: use {allowed}")
    if not re.fullmatch("[0-9]+", word):
        raise ValueError(f"{quoted(word)} is not allowed: use {allowed}")
    number = int(word)
    if not rule.low <= number <= rule.high:
        raise ValueError(f"{quoted(number)} is not in {rule.low}-{rule.high}")
    return number
