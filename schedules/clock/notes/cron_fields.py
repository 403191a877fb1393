"""Notes on the fields of a cron expression. They do not depend on the time zone."""

from __future__ import annotations

import re

from schedules.clock.cron.expression import Cron
from schedules.clock.cron.hashed import uses_hash
from schedules.clock.spec import ScheduleSpec, cron_of
from schedules.clock.wording import WEEKDAYS, joined, ordinal

_SHORT_MONTHS = {2: 28, 4: 30, 6: 30, 9: 30, 11: 30}  # days of these months, leap day excluded; other months have 31

_BACKWARD = re.compile("(?P<first>[0-9]+)-(?P<last>[0-9]+)(?P<step>(?:/[0-9]+)?)")
_MIN_SWAPPED = 45  # numbers of 60; a range across the end of the field that has more is more often a mistake


def hash_notes(spec: ScheduleSpec) -> list[str]:
    """Return a note that says what each H of a cron schedule stands for."""
    if spec.cron is None or not uses_hash(spec.cron):
        return []
    words = " ".join(cron_of(spec).parts).removeprefix("0 " if len(spec.cron.split()) == 5 else "")
    if spec.hash_key is None:
        return [
            (
                "Each H stands for a number that is computed from the job's id. The id is not known here, so the times "
                f"are only an example: “{words}”."
            )
        ]
    return [
        f"Each H stands for a number that is computed from the job's id or hash_key: here the expression is “{words}”."
    ]


def field_notes(cron: Cron, text: str) -> list[str]:
    """Return the notes on the expression's fields. `text` is the expression as it was written."""
    notes = _foreign_notes(cron, text.split())
    parts = cron.parts
    if cron.days_are_either:
        notes.append(
            "Day of month and day of week are both given: the schedule runs on each day that matches either field. "
            "A day must match both fields only if one of them starts with *, such as */2."
        )
    elif not {parts[3], parts[5]} & {"*", "*/1"}:
        notes.append(
            "Day of month and day of week are both given, and at least one of them starts with *: "
            "the schedule runs only on days that match both fields."
        )
    if len(cron.minutes) == 60 and len(cron.hours) < 24:
        notes.append(
            "The schedule runs in every minute of the given hours. To run in only one minute of each hour, set the "
            "minute field, for example to 0."
        )
    for name, part, size in zip(("second", "minute", "hour"), parts, (60, 60, 24), strict=False):
        notes += _step_notes(name, part, size)
    return notes + _swapped_notes(text.split()) + _day_step_notes(cron) + _short_month_notes(cron)


def _foreign_notes(cron: Cron, words: list[str]) -> list[str]:
    """Return notes on expressions that were perhaps written for AWS or Quartz, where they have another meaning."""
    if len(words) == 6 and "?" in (words[2], words[4]):
        return [
            (
                "The expression has six fields, so the first one is the second. If the last one is meant as a year, as "
                f"in AWS, write “{' '.join(words[:5])}”."
            )
        ]
    is_of_quartz = len(words) == 7 or (len(words) == 6 and "?" in words)
    if is_of_quartz and re.search("(?<![#/0-9])[0-7]", words[5]):
        named = joined(
            [WEEKDAYS[day] for day in sorted(cron.days.weekdays | {item[0] for item in cron.days.nth_weekdays})]
        )
        return [
            (
                f"Days of the week are counted from 0 (Sunday), so {words[5]} means {named}. Quartz counts from 1 "
                "(Sunday): use names, such as MON."
            )
        ]
    return []


def _swapped_notes(words: list[str]) -> list[str]:
    """Return notes on ranges such as 5-1 in minutes, which were perhaps meant as 1-5."""
    notes = []
    for name, word in zip(("second", "minute") if len(words) > 5 else ("minute",), words, strict=False):
        for match in filter(None, map(_BACKWARD.fullmatch, word.split(","))):
            first, last, step = int(match["first"]), int(match["last"]), match["step"]
            if last < first <= last + 61 - _MIN_SWAPPED:
                spans = [f"{low} to {high}" if low < high else str(low) for low, high in ((first, 59), (0, last))]
                notes.append(
                    f"{match[0]} in the {name} field continues at 0 after 59: it means {joined(spans)}. If you mean "
                    f"{last} to {first}, write “{last}-{first}{step}”."
                )
    return notes


def _day_step_notes(cron: Cron) -> list[str]:
    part, days = cron.parts[3], [ordinal(day) for day in sorted(cron.days.numbers)]
    is_even = len(days) < 2 or len(days) == 31  # one day of each month, or every day
    if not part.startswith("*/") or "," in part or is_even or len(cron.months) < 12:
        return []
    listed = joined([*days[:3], "so on"]) if len(days) > 4 else joined(days)
    return [
        (
            f"The step of the day of month starts again each month: {part} means the {listed}, and the {days[0]} "
            f"follows the {days[-1]}. For equal intervals, use the field “every”."
        )
    ]


def _short_month_notes(cron: Cron) -> list[str]:
    if cron.days_are_either:
        return []
    # Months must have at least this number of days to contain one of the named days.
    needed = [*cron.days.numbers, *(each.number + each.is_from_end for each in cron.days.month_days)]
    day = min(needed)
    short = [month for month in cron.months if _SHORT_MONTHS.get(month, 31) < day]
    if not short:
        return []
    if len(short) < len(cron.months):
        return [f"The schedule skips months without a day {day}. Use L for the last day of the month."]
    return ["29 February exists in leap years only. Use L for the last day of the month."]


def _step_notes(name: str, part: str, size: int) -> list[str]:
    if not part.startswith("*/") or "," in part:  # the other items of a list may fill the gaps
        return []
    step = int(part[2:])
    if step >= size:
        return [f"The step of the {name} field is too large: the field matches only {name} 0. Use a step below {size}."]
    if size % step:
        last = (size - 1) // step * step
        note = (
            f"The step starts again at 0: after {name} {last}, the field next matches {name} 0, "
            f"{size - last} {name}{'' if size - last == 1 else 's'} later. For equal intervals, use the field “every”."
        )
        return [note]
    return []
