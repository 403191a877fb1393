"""The dates that the two day fields of a cron expression name."""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

LAST = 0  # the number of an `NthWeekday` that means the last one of the month
_SATURDAY = 6  # Sunday is 0, as in cron


class MonthDay(NamedTuple):
    """A day of the month that depends on the month: `L`, `L-3`, `15W`, `LW` and `L-3W`.

    `number` counts from 1 at the start of the month. With `is_from_end`, it counts back from the last day, which is 0.
    With `is_nearest_weekday`, the day is the weekday (Monday to Friday) that is nearest to this day in the same month.
    """

    number: int
    is_from_end: bool = False
    is_nearest_weekday: bool = False


class NthWeekday(NamedTuple):
    """The `nth` (1 to 5, or `LAST`) occurrence of a weekday (Sunday is 0) in a month."""

    weekday: int
    nth: int


@dataclass(frozen=True, slots=True)
class Days:
    """The dates of a cron expression, without months and years.

    `numbers` and `month_days` are the items of the field day of month; `weekdays` (0 to 6, Sunday is 0) and
    `nth_weekdays` are the items of the field day of week. `is_either`: a date needs to match only one of the fields.
    """

    numbers: frozenset[int]
    month_days: frozenset[MonthDay]
    weekdays: frozenset[int]
    nth_weekdays: frozenset[NthWeekday]
    is_either: bool
    # A month is one of 28 kinds: 28 to 31 days long, and beginning on one of seven weekdays.
    _by_kind: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict, compare=False, repr=False)

    def of_month(self, year: int, month: int) -> tuple[int, ...]:
        """Return the matching days of a month, ascending."""
        monday_first, n_days = monthrange(year, month)
        kind = n_days, (monday_first + 1) % 7
        if kind not in self._by_kind:
            self._by_kind[kind] = self._find(*kind)
        return self._by_kind[kind]

    def matches(self, day: date) -> bool:
        """Whether a date matches."""
        days = self.of_month(day.year, day.month)
        index = bisect_left(days, day.day)
        return index < len(days) and days[index] == day.day

    def _find(self, n_days: int, first_weekday: int) -> tuple[int, ...]:
        """Return the matching days of a month with `n_days` days whose first day is `first_weekday`."""
        by_number = {day for day in self.numbers if day <= n_days}
        by_number |= {_day_of(item, n_days, first_weekday) for item in self.month_days} - {None}  # type: ignore[arg-type]
        by_weekday = set[int]()
        for day in range(1, n_days + 1):
            weekday = (first_weekday + day - 1) % 7
            nth = (day + 6) // 7
            if (
                weekday in self.weekdays
                or (weekday, nth) in self.nth_weekdays
                or (day + 7 > n_days and (weekday, LAST) in self.nth_weekdays)
            ):
                by_weekday.add(day)
        return tuple(sorted(by_number | by_weekday if self.is_either else by_number & by_weekday))


def _day_of(item: MonthDay, n_days: int, first_weekday: int) -> int | None:
    """Return the day that an item names in a month; None if the month is too short for it."""
    day = n_days - item.number if item.is_from_end else item.number
    if not 1 <= day <= n_days:
        return None
    weekday = (first_weekday + day - 1) % 7
    if not item.is_nearest_weekday or 0 < weekday < _SATURDAY:
        return day
    # As in Quartz, the nearest weekday never lies in another month.
    if weekday == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    return day + 1 if day < n_days else day - 2
