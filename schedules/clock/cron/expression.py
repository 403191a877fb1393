"""Cron expressions as values, and the walk over their local times with cronsim."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from cronsim import CronSim, CronSimError

from schedules.clock.cron.fields import CronError, read_parts
from schedules.clock.wording import MONTHS, joined

_START = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_DAYS_IN_MONTH = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Cron:
    """An expression that has been read. `parts` are always six, seconds first, in numbers and upper case."""

    parts: tuple[str, ...]
    sim: CronSim

    @property
    def is_fixed(self) -> bool:
        """Whether it names times of the day, so that the daylight-saving policies apply; else it follows real time."""
        return not self.parts[1].startswith("*") and not self.parts[2].startswith("*")

    @property
    def days_are_either(self) -> bool:
        """Whether a date needs to fit only one of the two day fields (Debian's rule)."""
        return not self.parts[3].startswith("*") and not self.parts[5].startswith("*")

    def matches_date(self, day: date) -> bool:
        """Whether the expression names any time on that local date."""
        return day.month in self.sim.months and self.sim.match_day(day)

    def walk(self) -> Walk:
        """A fresh walk over the local times; walks share nothing that changes."""
        return Walk(self)


class Walk:
    """Answers 'the first local time after this one' and remembers the last answer, as crossing a clock change asks
    again for nearly the same one."""

    __slots__ = ("_cron", "_from", "_next", "_sim")

    def __init__(self, cron: Cron) -> None:
        self._cron = cron
        self._sim = copy.copy(cron.sim)
        self._from: datetime | None = None
        self._next: datetime | None = None

    def after(self, local: datetime) -> datetime | None:
        """The first naive local time of the expression later than `local`; None when there is none for 50 years."""
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
        except OverflowError:  # the calendar's last year
            self._next = None
        return self._next

    def _has_no_date_between(self, first: datetime, last: datetime) -> bool:
        day, end = first.date(), last.date()
        if (end - day).days > 3:
            return False
        while day <= end:
            if self._cron.matches_date(day):
                return False
            day += timedelta(days=1)
        return True


@lru_cache(maxsize=4096)
def read_cron(text: str) -> Cron:
    """Read an expression of 5 fields, 6 with seconds first, or a nickname. Raises CronError."""
    parts = read_parts(text)
    try:
        cron = Cron(parts, CronSim(" ".join(parts), _START))
    except CronSimError as error:
        raise CronError([_why_never(parts)]) from error
    if cron.walk().after(_START) is None:
        raise CronError([_why_never(parts)])
    return cron


def _why_never(parts: tuple[str, ...]) -> str:
    # Every number has been looked at by now: what is left is a date that the calendar does not have.
    months = sorted(CronSim(f"0 0 * {parts[4]} *", _START).months)
    days = [int(day) for day in re.findall("(?:^|,)([0-9]+)", parts[3])]
    wanted = min(days, default=0)
    if days and wanted > max(_DAYS_IN_MONTH[month] for month in months):
        names = [MONTHS[month - 1] for month in months]
        never = f"{names[0]} never has" if len(names) == 1 else f"{joined(names)} never have"
        return f"never fires: {never} {wanted} days (day of month {parts[3]})."
    return f"never fires: no date fits both day of month {parts[3]} and day of week {parts[5]}."
