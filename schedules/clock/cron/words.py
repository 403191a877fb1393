"""A cron expression in plain English: 'At 09:00, Monday to Friday'."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product

from cronsim import CronSim

from schedules.clock.cron.expression import Cron
from schedules.clock.wording import MONTHS, WEEKDAYS, joined, ordinal

_MAX_LISTED_TIMES = 4  # more times of day are hard to read as a list


def cron_words(cron: Cron) -> str:
    """Describe when the expression fires, without a time zone, as in 'At 09:00 on Friday'."""
    times, is_list = _time_words(cron)
    dates = _date_words(cron)
    return times + (dates or (" every day" if is_list else ""))


def _time_words(cron: Cron) -> tuple[str, bool]:
    """Describe the times of day; also return whether they are a plain list such as 'At 09:00 and 17:00'."""
    sim = cron.sim
    seconds, minutes, hours = sorted(sim.seconds), sorted(sim.minutes), sorted(sim.hours)
    if len(seconds) * len(minutes) * len(hours) <= _MAX_LISTED_TIMES:
        tail = seconds != [0]
        clock = [
            f"{hour:02d}:{minute:02d}" + (f":{second:02d}" if tail else "")
            for hour, minute, second in product(hours, minutes, seconds)
        ]
        return f"At {joined(clock)}", True
    if seconds != [0]:
        return _seconds_words(seconds, minutes, hours), False
    if len(hours) == 24:
        spaced = len(minutes) == 60 or _even_step(minutes, 60)
        return "Every hour" if minutes == [0] else _minutes_words(minutes) + ("" if spaced else " of every hour"), False
    every = _even_step(hours, 24)
    if every and len(minutes) == 1:
        return f"Every {every} hours" + (f" at minute {minutes[0]}" if minutes[0] else ""), False
    if minutes == [0]:
        return "Every hour" + _hours_span(hours, last_minute=0), False
    return _minutes_words(minutes) + _hours_span(hours, last_minute=59), False


def _seconds_words(seconds: list[int], minutes: list[int], hours: list[int]) -> str:
    every = _even_step(seconds, 60)
    if len(seconds) == 60:
        text = "Every second"
    elif every:
        text = f"Every {every} seconds"
    else:
        text = f"At second{'s' if len(seconds) > 1 else ''} {_ranges_words(seconds)}"
    if len(minutes) < 60:
        spaced = _even_step(minutes, 60)
        text += f" of every {ordinal(spaced)} minute" if spaced else f" of {_counted_words('minute', minutes)}"
    elif text.startswith("At"):
        text += " of every minute"
    if len(hours) < 24:
        return text + _hours_span(hours, last_minute=59)
    return text + (" of every hour" if len(minutes) < 60 and not _even_step(minutes, 60) else "")


def _minutes_words(minutes: list[int]) -> str:
    if len(minutes) == 60:
        return "Every minute"
    every = _even_step(minutes, 60)
    return f"Every {every} minutes" if every else f"At {_counted_words('minute', minutes)}"


def _hours_span(hours: list[int], last_minute: int) -> str:
    """Describe the hours: ' from 09:00 to 17:59' if they are consecutive, otherwise ' in hours 9, 12 and 15'."""
    if hours[-1] - hours[0] == len(hours) - 1:
        return f" from {hours[0]:02d}:00 to {hours[-1]:02d}:{last_minute:02d}"
    return f" in {_counted_words('hour', hours)}"


def _date_words(cron: Cron) -> str:
    """Describe the dates: ' on the 1st of the month', ', Monday to Friday', or '' for every day of the year."""
    sim = cron.sim
    months = "" if len(sim.months) == 12 else _ranges_words(sorted(sim.months), lambda month: MONTHS[month - 1])
    of = f" of {months or 'the month'}"
    any_day, any_weekday = sim.days >= set(range(1, 32)), _plain_weekdays(sim) == set(range(7))
    if (any_day and any_weekday) or (cron.days_are_either and (any_day or any_weekday)):
        return f" every day in {months}" if months else ""
    if any_weekday:
        return f" on {_days_words(cron)}{of}"
    weekdays, is_range = _weekday_words(cron)
    if not any_day:
        return f" on {_days_words(cron)}{of}{' or on' if cron.days_are_either else ', but only on'} {weekdays}"
    if any(isinstance(item, tuple) for item in sim.weekdays):
        return f" on {weekdays}{of}"
    return (f", {weekdays}" if is_range else f" on {weekdays}") + (f", in {months}" if months else "")


def _plain_weekdays(sim: CronSim) -> set[int]:
    # cronsim keeps plain weekdays as numbers (7 is Sunday too) and the forms 5L and MON#2 as tuples.
    return {item % 7 for item in sim.weekdays if isinstance(item, int)}


def _days_words(cron: Cron) -> str:
    # A step of 16 or more matches at most two days: name these days instead.
    step = cron.parts[3].removeprefix("*/")
    if step != cron.parts[3] and step.isdigit() and int(step) < 16:
        return f"every {ordinal(int(step))} day"
    days = sorted(day for day in cron.sim.days if day > 0)  # L and LW have negative numbers
    words = [f"the {_ranges_words(days, ordinal)}"] if days else []
    if CronSim.LAST_WEEKDAY in cron.sim.days:
        words.append("the last weekday")
    if CronSim.LAST in cron.sim.days:
        words.append("the last day")
    return joined(words)


def _weekday_words(cron: Cron) -> tuple[str, bool]:
    """Describe the weekdays, Monday first; also return whether they are one range such as 'Monday to Friday'."""
    # Number the days from Monday, so that Saturday and Sunday are neighbours.
    plain = sorted((day + 6) % 7 for day in _plain_weekdays(cron.sim))
    words = [_ranges_words(plain, lambda day: WEEKDAYS[(day + 1) % 7])] if plain else []
    special = sorted(item for item in cron.sim.weekdays if isinstance(item, tuple))
    for day, nth in special:
        words.append(f"the {'last' if nth == CronSim.LAST else ordinal(nth)} {WEEKDAYS[day % 7]}")
    is_range = not special and len(plain) > 2 and plain[-1] - plain[0] == len(plain) - 1
    return joined(words), is_range


def _even_step(values: list[int], size: int) -> int:
    """Return n if `values` are the multiples of n below `size`, and n divides `size` (1 < n < `size`); otherwise 0."""
    if len(values) < 2:
        return 0
    step = values[1]
    return step if values[0] == 0 and step > 1 and size % step == 0 and values == list(range(0, size, step)) else 0


def _counted_words(noun: str, values: list[int]) -> str:
    return f"{noun}{'s' if len(values) > 1 else ''} {_ranges_words(values)}"


def _ranges_words(values: Iterable[int], label: Callable[[int], str] = str) -> str:
    """List ascending values: '1, 3 to 6 and 9'. Three or more consecutive values become a range."""
    groups: list[list[int]] = []
    for value in values:
        if groups and value == groups[-1][-1] + 1:
            groups[-1].append(value)
        else:
            groups.append([value])
    words: list[str] = []
    for group in groups:
        words += [f"{label(group[0])} to {label(group[-1])}"] if len(group) > 2 else [label(value) for value in group]
    return joined(words)
