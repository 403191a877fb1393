"""Parsed cron expressions, and the search for their local times."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import chain, product
from math import prod

from schedules.clock.cron.days import Days
from schedules.clock.cron.errors import CronError
from schedules.clock.cron.fields import Item, field_of_key, read_items, union
from schedules.clock.cron.hashed import Hashed
from schedules.clock.cron.rules import BEFORE_CRON_YEARS, DAY_OF_MONTH, FIELDS, Field
from schedules.clock.wording import MONTHS, joined

# The longest time between two dates of an expression without years is 40 years: 29 February on a given day of the week,
# across a century year that is no leap year. An expression without a date in 50 years has no date at all.
MAX_YEARS_WITHOUT_DATE = 50
_LAST_YEAR = 9998  # the local times of later years could exceed Python's calendar
_SEARCH_FROM = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)  # naive; fixed, so that results never change
_MAX_DAYS_IN_MONTH = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# The product of the choices of each H in the date fields: one H as day of month and one as month have up to 31 * 12.
_MAX_CHOICES = 400
_MIDNIGHT = (Field("0", frozenset([0])),) * 3
_USE_L = "Use L for the last day of the month."
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed cron expression. The numbers of each field are ascending.

    `parts` holds the text of six fields, seconds first, with numbers instead of names; and of a seventh, the year, if
    the expression is limited to some years. `years` is empty if it is not.
    """

    parts: tuple[str, ...]
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Days
    months: tuple[int, ...]
    years: tuple[int, ...]

    @property
    def is_fixed(self) -> bool:
        """Whether the expression names fixed times of day, so that `Gap` and `Fold` apply.

        Otherwise its minute or hour field starts with *. It then fires at each matching local time that exists, and
        twice at a local time that occurs twice.
        """
        return not self.parts[1].startswith("*") and not self.parts[2].startswith("*")

    @property
    def days_are_either(self) -> bool:
        """Whether a date needs to match only one of the two day fields (the rule of Debian's cron)."""
        return self.days.is_either

    def matches_date(self, day: date) -> bool:
        """Whether the expression names any time on this local date."""
        return day.month in self.months and (not self.years or day.year in self.years) and self.days.matches(day)

    def new_finder(self) -> LocalTimeFinder:
        """Return a new finder. All threads share this cached expression, so each search needs its own finder."""
        return LocalTimeFinder(self)

    def date_from(self, first: date) -> date | None:
        """Return the first matching date that is not earlier than `first`; None if there is none.

        The search goes from month to month: at most `MAX_YEARS_WITHOUT_DATE` * 12 steps.
        """
        year, month, day = first.year, first.month, first.day
        last_year = self.years[-1] if self.years else min(year + MAX_YEARS_WITHOUT_DATE, _LAST_YEAR)
        while year <= last_year:
            if self.years and year not in self.years:
                year, month, day = self.years[bisect_left(self.years, year)], 1, 1
            index = bisect_left(self.months, month)
            if index == len(self.months):
                year, month, day = year + 1, 1, 1
                continue
            if self.months[index] > month:
                month, day = self.months[index], 1
            days = self.days.of_month(year, month)
            index = bisect_left(days, day)
            if index < len(days):
                return date(year, month, days[index])
            month, day = month + 1, 1
        return None

    def time_from(self, first: time) -> time | None:
        """Return the first time of day that is not earlier than `first`; None if there is none."""
        hour, minute, second = first.hour, first.minute, first.second
        if hour in self.hours:
            if minute in self.minutes:
                index = bisect_left(self.seconds, second)
                if index < len(self.seconds):
                    return time(hour, minute, self.seconds[index])
                minute += 1
            index = bisect_left(self.minutes, minute)
            if index < len(self.minutes):
                return time(hour, self.minutes[index], self.seconds[0])
            hour += 1
        index = bisect_left(self.hours, hour)
        return time(self.hours[index], self.minutes[0], self.seconds[0]) if index < len(self.hours) else None


class LocalTimeFinder:
    """Finds the next local time of an expression, and caches the last result.

    At a clock change, callers search again from almost the same local time, so the cached result is often valid.
    """

    __slots__ = ("_cron", "_from", "_next")

    def __init__(self, cron: Cron) -> None:
        self._cron = cron
        self._from: datetime | None = None
        self._next: datetime | None = None

    def after(self, local: datetime) -> datetime | None:
        """Return the expression's first naive local time later than `local`; None if there is none within 50 years."""
        # The cached result is valid for every start from the cached start up to the result.
        if self._from is None or self._next is None or not self._from <= local < self._next:
            self._from, self._next = local, self._find(local.replace(microsecond=0) + _SECOND)
        return self._next

    def _find(self, first: datetime) -> datetime | None:
        """Return the first local time that is not earlier than `first`."""
        day, clock = first.date(), None
        if self._cron.matches_date(day):
            clock = self._cron.time_from(first.time())
        if clock is None:
            found = self._cron.date_from(day + _DAY)
            if found is None:
                return None
            day, clock = found, time(self._cron.hours[0], self._cron.minutes[0], self._cron.seconds[0])
        return datetime.combine(day, clock)


# Many jobs have the same expression, and each pass reads their expressions again.
@lru_cache(maxsize=4096)
def read_cron(text: str, hash_key: str = "") -> Cron:
    """Read a cron expression: 5 fields, 6 with seconds first, 7 with a year last, or a nickname such as @daily.

    `hash_key`: each H in the expression is computed from this text. Raises CronError if the expression is invalid, or
    if it never fires for some key: so the key makes no difference to whether the expression is accepted.
    """
    items = read_items(text)
    # Equal H in a field stand for the same number.
    if never := _why_never(tuple(tuple(dict.fromkeys(field)) for field in items[3:])):
        raise CronError([never])
    return _cron_of(tuple(field_of_key(each, hash_key) for each in items))


def _cron_of(fields: tuple[Field, ...]) -> Cron:
    second, minute, hour, day_of_month, month, day_of_week, year = fields
    days = Days(
        numbers=day_of_month.numbers,
        month_days=day_of_month.month_days,
        weekdays=frozenset(number % 7 for number in day_of_week.numbers),  # both 0 and 7 are Sunday
        nth_weekdays=day_of_week.nth_weekdays,
        is_either=not day_of_month.text.startswith("*") and not day_of_week.text.startswith("*"),
    )
    years = () if year.text == "*" else tuple(sorted(year.numbers))
    return Cron(
        parts=tuple(each.text for each in (fields if years else fields[:-1])),
        seconds=tuple(sorted(second.numbers)),
        minutes=tuple(sorted(minute.numbers)),
        hours=tuple(sorted(hour.numbers)),
        days=days,
        months=tuple(sorted(month.numbers)),
        years=years,
    )


# Jobs with H differ in their keys, and often only their time fields differ.
@lru_cache(maxsize=4096)
def _why_never(dates: tuple[tuple[Item, ...], ...]) -> str:
    """Return the error if the last four fields of an expression match no date for some choice of each H, or ''."""
    items = list(chain(*dates))
    day_of_month, _, day_of_week, year = dates
    if _is_star(day_of_week) and _is_star(year) and any(map(_is_in_every_month, day_of_month)):
        return ""
    if any(isinstance(item, Hashed) for item in day_of_week) and not _has_star(day_of_month) | _has_star(day_of_week):
        return ""  # a date needs to match only one of the day fields, and each month has each day of the week
    if prod(item.n_choices for item in items if isinstance(item, Hashed)) > _MAX_CHOICES:
        return "has too many H in the day of month, month and day of week: write numbers instead of some of them."
    hashed = {index: item for index, item in enumerate(items) if isinstance(item, Hashed)}
    choices = (tuple(chain(*chosen)) for chosen in product(*(product(*map(_choices, field)) for field in dates)))
    if len(hashed) == 1:
        return _why_not_always(dates, *hashed.popitem(), list(choices))
    for chosen in choices:
        fields = _fields_of(dates, chosen)
        if not _fires(fields):
            reason = _why_no_date(fields)
            if not hashed:
                return f"never fires: {reason}"
            picked = [f"{item.text} as {item.rule_name} is {chosen[index].text}" for index, item in hashed.items()]
            advice = "Write H with a range of numbers that all fire, or write the numbers instead of H."
            return f"never fires, for example, if {joined(picked)}: {reason} {advice}"
    return ""


def _fields_of(dates: tuple[tuple[Item, ...], ...], chosen: Iterable[Field]) -> tuple[Field, ...]:
    """Return the last four fields of an expression. `chosen` has one value for each item of `dates`."""
    values = iter(chosen)
    return tuple(union(next(values) for _ in field) for field in dates)


def _fires(fields: tuple[Field, ...]) -> bool:
    """Whether any date of the calendar matches the last four fields of an expression."""
    cron = _cron_of((*_MIDNIGHT, *fields))
    start = BEFORE_CRON_YEARS.replace(tzinfo=None) if cron.years else _SEARCH_FROM
    return cron.new_finder().after(start) is not None


def _why_not_always(
    dates: tuple[tuple[Item, ...], ...], index: int, item: Hashed, choices: list[tuple[Field, ...]]
) -> str:
    """Return the error if some `choices` of the only H never fire, or ''. `item` is the H, `index` its place."""
    never, always = list[Field](), list[Field]()
    for chosen in choices:
        (always if _fires(_fields_of(dates, chosen)) else never).append(chosen[index])
    if not never:
        return ""
    # A month that has no day 30 has no day 31 either: the lowest day gives the reason for all.
    refused = never[0] if item.rule_name == DAY_OF_MONTH.name else union(never)
    reason = _why_no_date(_fields_of(dates, (*choices[0][:index], refused, *choices[0][index + 1 :])))
    if not always:
        return f"never fires: {reason}"
    numbers, instead = (joined([term.text for term in terms], "or") for terms in (never, always))
    write = "Or write" if reason.endswith(_USE_L) else "Write"
    instead = f"{'one of ' if len(always) > 1 else ''}{instead} instead of {item.text}"
    return f"never fires if {item.text} as {item.rule_name} is {numbers}: {reason} {write} {instead}."


def _is_star(field: tuple[Item, ...]) -> bool:
    return all(isinstance(item, Field) and item.text == "*" for item in field)


def _is_in_every_month(item: Item) -> bool:
    """Whether an item of the day of month names a day that every month has, whichever numbers an H stands for."""
    return item.high <= 28 if isinstance(item, Hashed) else min(item.numbers, default=31) <= 28


def _has_star(field: tuple[Item, ...]) -> bool:
    return isinstance(field[0], Field) and field[0].text.startswith("*")


def _choices(item: Item) -> list[Field]:
    return [item.choice(index) for index in range(item.n_choices)] if isinstance(item, Hashed) else [item]


def _why_no_date(fields: tuple[Field, ...]) -> str:
    """Return the reason why an expression with these last four fields matches no date of the calendar."""
    day_of_month, month, day_of_week, year = fields
    cron = _cron_of((*_MIDNIGHT, *fields))
    numbers = cron.days.numbers
    if numbers and not cron.days.month_days:
        wanted = min(numbers)
        if wanted > max(_MAX_DAYS_IN_MONTH[each] for each in cron.months):
            names = [MONTHS[each - 1] for each in cron.months]
            never = f"{names[0]} never has" if len(names) == 1 else f"{joined(names)} never have"
            given = f" (day of month {day_of_month.text})" if day_of_month.text != str(wanted) else ""
            return f"{never} {wanted} days{given}. {_USE_L}"
    where = "" if month.text == "*" else f" in month {month.text}"
    where += f" of year {year.text}" if cron.years else ""
    fields_given = [
        f"{rule.name} {each.text}"
        for rule, each in ((FIELDS[3], day_of_month), (FIELDS[5], day_of_week))
        if each.text != "*"
    ]
    both = "both " if len(fields_given) > 1 else ""
    return f"no date{where} matches {both}{joined(fields_given)}."
