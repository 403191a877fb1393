"""A cron expression in plain English: 'At 09:00, Monday to Friday'."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product

from schedules.clock.cron.date_words import date_words
from schedules.clock.cron.expression import Cron
from schedules.clock.wording import across_end, joined, ordinal, runs, series

_MAX_LISTED_TIMES = 4  # more times of day are hard to read, so a regular pattern is named instead
_MAX_IRREGULAR_TIMES = 8  # times of day without a pattern are listed up to this number
_MAX_SPANS = 4  # periods of a day that are listed as "from 09:00 to 12:00 and from 14:00 to 17:00"


def cron_words(cron: Cron) -> str:
    """Describe when the expression fires, without a time zone, as in 'At 09:00 on Fridays'."""
    dates = date_words(cron)
    if cron.seconds == (0,):
        times, is_list = _minutes_of_day(cron, is_daily=not dates)
    else:
        times, is_list = _seconds_of_day(cron, is_daily=not dates)
    return times + (dates or (" every day" if is_list else ""))


def _minutes_of_day(cron: Cron, *, is_daily: bool) -> tuple[str, bool]:
    """Describe the times of day at full minutes; also return whether they are a list such as 'At 09:00 and 17:00'.

    `is_daily`: the expression fires every day, so a period may continue after midnight.
    """
    minutes, hours = cron.minutes, cron.hours
    n_times = len(minutes) * len(hours)
    if n_times <= _MAX_LISTED_TIMES:
        return f"At {joined(_clocks(_in_order(hours, is_daily), minutes))}", True
    if len(minutes) == 1 and len(hours) < 24:
        order = across_end(cron.parts[2], 24) if is_daily else ()
        return _hours_of_day(hours, minutes[0], order, is_daily=is_daily)
    if minutes == (0,):
        return "Every hour", False
    order = across_end(cron.parts[1], 60)
    if len(hours) == 24:
        next_whole = "the next hour" if is_daily else ""
        return _counted(order or minutes, 60, "minute", "every hour", next_whole), False
    spans = _spans(hours, is_daily)
    if step := 1 if len(minutes) == 60 else _even_step(minutes, 60):
        if len(spans) <= _MAX_SPANS:
            return f"{_every(step, 'minute')} {_spans_words(spans, minutes[0], minutes[-1])}", False
    elif n_times <= _MAX_IRREGULAR_TIMES:
        return f"At {joined(_clocks(hours, minutes))}", True
    return _counted(order or minutes, 60, "minute", _hours_words(hours, is_daily)), False


def _hours_of_day(hours: tuple[int, ...], minute: int, order: tuple[int, ...], *, is_daily: bool) -> tuple[str, bool]:
    """Describe more than `_MAX_LISTED_TIMES` hours, but not all, with one minute.

    `order`: the hours of a range that continues after midnight; otherwise empty.
    """
    spans = _spans(hours, is_daily)
    if len(spans) == 1:
        return f"Every hour {_spans_words(spans, minute, minute)}", False
    if order and not series(hours):
        step = (order[1] - order[0]) % 24
        return f"{_every(step, 'hour')} from {_clock(order[0], minute)} to {_clock(order[-1], minute)}", False
    if pattern := series(hours):
        every, start = _every(pattern.step, "hour"), _clock(pattern.first, minute)
        if pattern.step * len(hours) == 24:
            return every + ("" if start == "00:00" else f", starting at {start}"), False
        return f"{every} from {start} to {_clock(pattern.last, minute)}", False
    singles, ranges = _split(spans)
    if not ranges or len(hours) <= _MAX_LISTED_TIMES + 1:
        return f"At {joined(_clocks(hours, (minute,)))}", True
    text = f"very hour {_spans_words(ranges, minute, minute)}"
    return (f"At {joined(_clocks(singles, (minute,)))}, and e{text}" if singles else f"E{text}"), False


def _seconds_of_day(cron: Cron, *, is_daily: bool) -> tuple[str, bool]:
    """Describe the times of day of an expression with other seconds than 0, as `_minutes_of_day` does."""
    seconds, minutes, hours = cron.seconds, cron.minutes, cron.hours
    if len(seconds) * len(minutes) * len(hours) <= _MAX_LISTED_TIMES:
        clocks = [f"{_clock(hour, minute)}:{second:02d}" for hour, minute, second in product(hours, minutes, seconds)]
        return f"At {joined(clocks)}", True
    hours_words = _hours_words(hours, is_daily=False)
    if len(seconds) == len(minutes) == 1:
        return f"At {_units(minutes[0], 'minute')} and {_units(seconds[0], 'second')} past {hours_words}", False
    step = 1 if len(minutes) == 60 else _even_step(minutes, 60)
    if not step:
        order = across_end(cron.parts[1], 60) or minutes
        named = f"minute{'' if len(minutes) == 1 else 's'} {_listed(order)} of {hours_words}"
        return _counted(across_end(cron.parts[0], 60) or seconds, 60, "second", named), False
    next_whole = "the next minute" if step == 1 and len(hours) == 24 and is_daily else ""
    whole = "every minute" if step == 1 else f"every {ordinal(step)} minute"
    text = _counted(across_end(cron.parts[0], 60) or seconds, 60, "second", whole, next_whole)
    if len(hours) == 24:
        return text, False
    spans = _spans(hours, is_daily=False)
    if len(spans) > _MAX_SPANS:
        return f"{text} of {hours_words}", False
    is_continuous = text.endswith(("second", "seconds"))
    ends = (f":{seconds[0]:02d}", f":{seconds[-1]:02d}") if is_continuous else ("", "")
    return f"{text} {_spans_words(spans, minutes[0], minutes[-1], ends)}", False


def _counted(numbers: tuple[int, ...], size: int, noun: str, whole: str, next_whole: str = "") -> str:
    """Describe the minutes of an hour or the seconds of a minute: 'Every 15 minutes', 'At 5 minutes past every hour'.

    `whole` names the hours or minutes. `next_whole`: the name of the next hour or minute if `whole` is each of them,
    so that a range may continue in it. The numbers of such a range are in its own order: see `across_end`.
    """
    if step := 1 if len(numbers) == size else _even_step(numbers, size):
        return _every(step, noun) + ("" if whole in ("every hour", "every minute") else f" during {whole}")
    if pattern := series(numbers):
        return f"{_every(pattern.step, noun)} from {pattern.first} to {pattern.last} {noun}s past {whole}"
    first, last = _units(numbers[0], noun), _units(numbers[-1], noun)
    step = (numbers[1] - numbers[0]) % size if len(numbers) > 1 else 0
    most_listed = _MAX_LISTED_TIMES if step == 1 else _MAX_IRREGULAR_TIMES
    if next_whole and numbers[-1] < numbers[0] and len(numbers) > most_listed:
        return f"{_every(step, noun)} from {first} past {whole} to {last} past {next_whole}"
    return f"At {_listed(numbers)} {noun}{'' if numbers == (1,) else 's'} past {whole}"


def _hours_words(hours: tuple[int, ...], is_daily: bool) -> str:
    """Return 'every hour', 'every 2nd hour from 00:00 to 22:00' or '01:00 and every hour from 09:00 to 12:00'."""
    if len(hours) == 24:
        return "every hour"
    spans = _spans(hours, is_daily)
    if len(spans) > 1 and (pattern := series(hours)):
        return f"every {ordinal(pattern.step)} hour from {_clock(pattern.first, 0)} to {_clock(pattern.last, 0)}"
    singles, ranges = _split(spans)
    words = _clocks(singles, (0,)) + ([f"every hour {_spans_words(ranges, 0, 0)}"] if ranges else [])
    return joined(words)


def _split(spans: Sequence[tuple[int, int]]) -> tuple[list[int], list[tuple[int, int]]]:
    """Return the hours of the periods of one or two hours, and the longer periods."""
    singles, ranges = list[int](), list[tuple[int, int]]()
    for low, high in spans:
        length = (high - low) % 24 + 1
        if length > 2:
            ranges.append((low, high))
        else:
            singles += [low, high][:length]
    return singles, ranges


def _spans(hours: Sequence[int], is_daily: bool) -> list[tuple[int, int]]:
    """Return the first and last hour of each period of consecutive hours.

    With `is_daily`, a period may continue after midnight, so its last hour may be lower than its first.
    """
    spans = runs(hours)
    if is_daily and len(spans) > 1 and spans[0][0] == 0 and spans[-1][1] == 23:
        spans = [*spans[1:-1], (spans[-1][0], spans[0][1])]
    return spans


def _spans_words(spans: Sequence[tuple[int, int]], first: int, last: int, ends: tuple[str, str] = ("", "")) -> str:
    """Return 'from 09:00 to 17:45'. `first` and `last`: the first and last minute of an hour. `ends`: their seconds."""
    return joined([f"from {_clock(low, first)}{ends[0]} to {_clock(high, last)}{ends[1]}" for low, high in spans])


def _in_order(hours: tuple[int, ...], is_daily: bool) -> tuple[int, ...]:
    """Return the hours of every day in the order of a night: 22, 0 and 2 instead of 0, 2 and 22."""
    gaps = [later - hour for hour, later in pairwise(hours)]
    if not is_daily or len(hours) < 3 or max(gaps) <= 12:
        return hours
    index = gaps.index(max(gaps)) + 1
    return (*hours[index:], *hours[:index])


def _even_step(numbers: tuple[int, ...], size: int) -> int:
    """Return n if `numbers` are the multiples of n below `size`, and n divides `size` (1 < n < `size`); otherwise 0."""
    if len(numbers) < 2:
        return 0
    step = numbers[1]
    is_even = numbers[0] == 0 and step > 1 and size % step == 0 and numbers == tuple(range(0, size, step))
    return step if is_even else 0


def _every(step: int, noun: str) -> str:
    return f"Every {noun}" if step == 1 else f"Every {step} {noun}s"


def _units(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _clock(hour: int, minute: int) -> str:
    return f"{hour:02d}:{minute:02d}"


def _clocks(hours: Sequence[int], minutes: Sequence[int]) -> list[str]:
    return [_clock(hour, minute) for hour, minute in product(hours, minutes)]


def _listed(numbers: Sequence[int]) -> str:
    """Return '0, 5 and 10', or '0 to 10 and 50 to 59' for more than `_MAX_IRREGULAR_TIMES` numbers."""
    spans = runs(numbers) if len(numbers) > _MAX_IRREGULAR_TIMES else [(number, number) for number in numbers]
    return joined([f"{low} to {high}" if low < high else str(low) for low, high in spans])
