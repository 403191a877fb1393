"""Parsed cron expressions, and the search for their local times with cronsim."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from cronsim import CronSim, CronSimError

from schedules.clock.cron.fields import CronError, read_parts
from schedules.clock.wording import MONTHS, joined

_SEARCH_FROM = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)  # naive; fixed, so that results never change
_MAX_RECHECKED_DAYS = 3  # longer than any clock change, and cheap to check day by day
_MAX_DAYS_IN_MONTH = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed cron expression. `parts` holds six fields, seconds first, in the form that cronsim reads."""

    parts: tuple[str, ...]
    sim: CronSim

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
        return not self.parts[3].startswith("*") and not self.parts[5].startswith("*")

    def matches_date(self, day: date) -> bool:
        """Whether the expression names any time on this local date."""
        return day.month in self.sim.months and self.sim.match_day(day)

    def new_finder(self) -> LocalTimeFinder:
        """Return a new finder. All threads share this cached expression, so each search needs its own finder."""
        return LocalTimeFinder(self)


class LocalTimeFinder:
    """Finds the next local time of an expression, and caches the last result.

    At a clock change, callers search again from almost the same local time, so the cached result is often valid.
    """

    __slots__ = ("_cron", "_from", "_next", "_sim")

    def __init__(self, cron: Cron) -> None:
        self._cron = cron
        self._sim = copy.copy(cron.sim)
        self._from: datetime | None = None
        self._next: datetime | None = None

    def after(self, local: datetime) -> datetime | None:
        """Return the expression's first naive local time later than `local`; None if there is none within 50 years."""
        # The cached result is valid for every start from the cached start up to the result. It is also valid for an
        # earlier start if the expression names no date in between. Checking this is cheaper than a new search.
        known_from, known = self._from, self._next
        if known_from is not None and known is not None:
            if known_from <= local < known:
                return known
            if local < known_from and self._has_no_date_between(local, known_from):
                self._from = local
                return known
        self._from = local
        self._sim.dt = local.replace(microsecond=0)
        try:
            self._next = next(self._sim, None)
        except OverflowError:  # cronsim stepped past the end of Python's calendar
            self._next = None
        return self._next

    def _has_no_date_between(self, first: datetime, last: datetime) -> bool:
        day, end = first.date(), last.date()
        if (end - day).days > _MAX_RECHECKED_DAYS:
            return False
        while day <= end:
            if self._cron.matches_date(day):
                return False
            day += timedelta(days=1)
        return True


# Many jobs have the same expression, and each pass reads their expressions again.
@lru_cache(maxsize=4096)
def read_cron(text: str) -> Cron:
    """Read a cron expression: 5 fields, 6 fields with seconds first, or a nickname such as @daily.

    Raises CronError if the expression is invalid or never fires.
    """
    parts = read_parts(text)
    try:
        cron = Cron(parts, CronSim(" ".join(parts), _SEARCH_FROM))
    except CronSimError as error:
        raise CronError([_why_never(parts)]) from error
    if cron.new_finder().after(_SEARCH_FROM) is None:
        raise CronError([_why_never(parts)])
    return cron


def _why_never(parts: tuple[str, ...]) -> str:
    """Return the error for an expression with valid fields that matches no date of the calendar."""
    months = sorted(CronSim(f"0 0 * {parts[4]} *", _SEARCH_FROM).months)
    days = [int(day) for day in re.findall("(?:^|,)([0-9]+)", parts[3])]
    wanted = min(days, default=0)
    if days and wanted > max(_MAX_DAYS_IN_MONTH[month] for month in months):
        names = [MONTHS[month - 1] for month in months]
        never = f"{names[0]} never has" if len(names) == 1 else f"{joined(names)} never have"
        return f"never fires: {never} {wanted} days (day of month {parts[3]}). Use L for the last day of the month."
    in_month = "" if parts[4] == "*" else f" in month {parts[4]}"
    return f"never fires: no date{in_month} matches both day of month {parts[3]} and day of week {parts[5]}."
