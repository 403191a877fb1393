"""The dates of a cron expression in plain English: ' on the 1st of the month', ', Monday to Friday'."""

from __future__ import annotations

from collections.abc import Sequence

from schedules.clock.cron.days import LAST, MonthDay, NthWeekday
from schedules.clock.cron.expression import Cron
from schedules.clock.wording import MONTHS, WEEKDAYS, across_end, joined, ordinal, runs, series

_MAX_LISTED_MONTHS = 3  # consecutive months; more are named as a period
_MAX_NAMED_DATES = 3  # dates such as 1 January and 1 July; more are named as days of months
_ALL_WEEKDAYS = frozenset(range(7))


def date_words(cron: Cron) -> str:
    """Describe the dates, to follow the words for the times of day. The text is empty for every day of every year."""
    days = cron.days
    is_any_day, is_any_weekday = days.numbers >= set(range(1, 32)), days.weekdays == _ALL_WEEKDAYS
    if (is_any_day and is_any_weekday) or (days.is_either and (is_any_day or is_any_weekday)):
        months = _months_words(cron)
        text = f" every day{months}" if months or cron.years else ""
    elif is_any_weekday:
        text = _days_of_months(cron)
    elif is_any_day:
        text = _weekdays_of_months(cron)
    elif days.is_either and len(cron.months) > 1:
        both = (
            f"{_days_of_months(cron, with_months=False)} and{_weekdays_of_months(cron, after='and', with_months=False)}"
        )
        text = f"{both}{',' if len(cron.months) < 12 else ''}{_months_words(cron)}"
    elif days.is_either:
        text = f"{_days_of_months(cron)} and{_weekdays_of_months(cron, after='and')}"
    else:
        text = f"{_days_of_months(cron)}, but only{_weekdays_of_months(cron, after='only', with_months=False)}"
    return text + _years_words(cron, text)


def _days_of_months(cron: Cron, *, with_months: bool = True) -> str:
    """Return the words for the field day of month: ' on 13 February', ' from the 1st to the 7th of the month'."""
    numbers, months, special = sorted(cron.days.numbers), _months_in_order(cron), cron.days.month_days
    if with_months and not special and len(numbers) * len(months) <= _MAX_NAMED_DATES and len(months) < 12:
        return " on " + joined([f"{day} {MONTHS[month - 1]}" for month in months for day in numbers])
    if not special and (step := _step_to_end(numbers)):
        of = _of_months(cron, "each month") if with_months else "of each month"
        return f" on every {ordinal(step)} day {of}, counted from the {ordinal(numbers[0])}"
    order = across_end(cron.parts[3], 31)
    if order and (order[1] - order[0]) % 31 == 1 and len(months) == 12 and not cron.years:
        return f" from the {ordinal(order[0])} of the month to the {ordinal(order[-1])} of the next month"
    of = _of_months(cron, "the month") if with_months else "of the month"
    has_step = order and (order[1] - order[0]) % 31 > 1
    spans = _split_short(runs(order if has_step else numbers))
    if not special and all(high > low for low, high in spans):
        return f" {joined([f'from the {ordinal(low)} to the {ordinal(high)}' for low, high in spans])} {of}"
    return f" on {joined(_number_words(spans, bool(special)) + _month_day_words(sorted(special)))} {of}"


def _step_to_end(numbers: Sequence[int]) -> int:
    """Return n (at least 2) if `numbers` are every n-th day of a month up to its end, otherwise 0."""
    pattern = series(numbers)
    return pattern.step if pattern and pattern.step > 1 and pattern.last + pattern.step > 31 else 0


def _number_words(spans: Sequence[tuple[int, int]], with_articles: bool) -> list[str]:
    """Return the words for days of the month: 'the 1st', '3rd', '5th to 9th'; or each one with its article."""
    words = [f"{ordinal(low)} to {ordinal(high)}" if high > low else ordinal(low) for low, high in spans]
    return [word if index and not with_articles else f"the {word}" for index, word in enumerate(words)]


def _month_day_words(items: Sequence[MonthDay]) -> list[str]:
    """Return the words for `L`, `L-3`, `15W`, `LW` and `L-3W`."""
    plain, nearest = list[str](), list[str]()
    for item in items:
        if item.is_from_end and item.number == 0:
            plain.append("the last weekday" if item.is_nearest_weekday else "the last day")
            continue
        if item.is_from_end:
            day = f"{'the day' if item.number == 1 else f'the {ordinal(item.number)} day'} before the last day"
        else:
            day = f"the {ordinal(item.number)}"
        (nearest if item.is_nearest_weekday else plain).append(day)
    if nearest:
        plain.append(f"the weekday{'' if len(nearest) == 1 else 's'} nearest to {joined(nearest)}")
    return plain


def _weekdays_of_months(cron: Cron, *, after: str = "", with_months: bool = True) -> str:
    """Return ', Monday to Friday', ' on Mondays in January' or ' on the last Friday of February'.

    `after`: the word "and" or "only", which the result follows: ' every day from Monday to Friday'.
    """
    days, months = cron.days, _months_words(cron) if with_months else ""
    spans = _weekday_spans(days.weekdays)
    if days.nth_weekdays:
        nth = _nth_words(days.nth_weekdays)
        if not spans:
            return f" on {nth} {_of_months(cron, 'the month') if with_months else 'of the month'}"
        return f" on {_weekdays_words(cron)} and on {nth} of the month{',' if months else ''}{months}"
    if all(low == high for low, high in spans) or (after and len(spans) > 1):
        return f" on {_weekdays_words(cron)}{months}"
    words = joined([WEEKDAYS[low] if low == high else f"{WEEKDAYS[low]} to {WEEKDAYS[high]}" for low, high in spans])
    if after:
        return f"{' every day' if after == 'and' else ''} from {words}{months}"
    return f", {words}{',' if months else ''}{months}"


def _weekday_spans(weekdays: frozenset[int]) -> list[tuple[int, int]]:
    """Return the first and last weekday (Sunday is 0) of each period of at least three days; other days are single.

    The week begins on Monday, but a period may continue after Sunday, as in Friday to Monday.
    """
    spans = runs(sorted((day + 6) % 7 for day in weekdays))
    if len(spans) > 1 and spans[0][0] == 0 and spans[-1][1] == 6 and len(weekdays) < 7:
        around = (spans[-1][0], spans[0][1])
        if around[1] + 8 - around[0] > 2:
            spans = [*spans[1:-1], around]
    return [((low + 1) % 7, (high + 1) % 7) for low, high in _split_short(spans)]


def _weekdays_words(cron: Cron) -> str:
    order = across_end(cron.parts[5], 7) or sorted(cron.days.weekdays, key=lambda day: (day + 6) % 7)
    return joined([f"{WEEKDAYS[day % 7]}s" for day in order])


def _nth_words(items: frozenset[NthWeekday]) -> str:
    """Return 'the 1st and 3rd Monday and the last Friday'."""
    words = []
    for weekday in sorted({item.weekday for item in items}, key=lambda day: (day + 6) % 7):
        numbers = sorted((item.nth for item in items if item.weekday == weekday), key=lambda nth: nth or 9)
        words.append(f"the {joined(['last' if nth == LAST else ordinal(nth) for nth in numbers])} {WEEKDAYS[weekday]}")
    return joined(words)


def _of_months(cron: Cron, each: str) -> str:
    """Return 'of the month' or, for some months, 'of February' or 'of each month from June to September'."""
    if len(cron.months) == 12:
        return f"of {each}"
    period = _period(cron.months)
    return (
        f"of each month {period}" if period else f"of {joined([MONTHS[month - 1] for month in _months_in_order(cron)])}"
    )


def _months_words(cron: Cron) -> str:
    """Return ' in January and July', ' from November to February', or an empty text for all months."""
    if len(cron.months) == 12:
        return ""
    period = _period(cron.months)
    return f" {period}" if period else f" in {joined([MONTHS[month - 1] for month in _months_in_order(cron)])}"


def _months_in_order(cron: Cron) -> tuple[int, ...]:
    """Return the months; those of a range across the end of the year in the order of a winter: 12, 1 and 2."""
    return cron.months if cron.years else across_end(cron.parts[4], 12) or cron.months


def _period(months: Sequence[int]) -> str:
    """Return 'from November to February' for more than `_MAX_LISTED_MONTHS` consecutive months, otherwise ''."""
    if len(months) <= _MAX_LISTED_MONTHS:
        return ""
    starts = [month for month in months if (month + 10) % 12 + 1 not in months]
    if len(starts) != 1:
        return ""
    last = (starts[0] + len(months) - 2) % 12
    return f"from {MONTHS[starts[0] - 1]} to {MONTHS[last]}"


def _years_words(cron: Cron, dates: str) -> str:
    """Return ', in 2027' or ', from 2027 to 2030', to follow the words for the dates; an empty text for every year."""
    years = cron.years
    if not years:
        return ""
    step = years[1] - years[0] if len(years) > 2 else 0
    if step and years == tuple(range(years[0], years[-1] + 1, step)):
        every = "" if step == 1 else f"in every {ordinal(step)} year "
        return f", {every}from {years[0]} to {years[-1]}"
    listed = joined([str(year) for year in years])
    if dates.endswith(MONTHS) and len(cron.months) == 1:
        return f" {listed}"
    return f" in {listed}" if dates == " every day" else f", in {listed}"


def _split_short(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Split runs of two numbers into single numbers. The last number of a run of weekdays may be below the first."""
    return [pair for low, high in spans for pair in ([(low, low), (high, high)] if high == low + 1 else [(low, high)])]
