"""Time zones: their names, their UTC offsets over time, and the instants of a local time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from io import BytesIO
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from schedules.clock.zones.data import name_in, newest_with, own_rules, rules_of

MIN_YEAR = 1900  # earlier than any schedule needs, and far from the start of Python's calendar
MAX_YEAR = 9998  # one year before the end of Python's calendar, so that local times do not exceed the calendar
FIRST_AT = datetime(MIN_YEAR, 1, 1, tzinfo=UTC)
LAST_AT = datetime(MAX_YEAR, 12, 31, 23, 59, 59, tzinfo=UTC)

# No zone in the IANA database keeps an offset for less than three days, so reading the offset every two days cannot
# miss two changes that cancel each other out.
_SEARCH_STEP = timedelta(days=2)
_SECOND = timedelta(seconds=1)
# The longest fold on record lasts 24 hours. A fold that begins before New Year may therefore end one day later.
_LOOKBACK = timedelta(days=3)
_MACHINE_DEPENDENT = {"localtime", "Factory"}  # aliases whose meaning depends on the installation


class OffsetPeriod(NamedTuple):
    """A period in which a zone keeps one UTC offset. Instants are aware UTC, local times naive; the end is exclusive.

    Local times before `seen_until` have already occurred in an earlier period.
    """

    start_at: datetime
    end_at: datetime
    offset: timedelta
    seen_until: datetime

    @property
    def local_start(self) -> datetime:
        """The first local time of the period."""
        return (self.start_at + self.offset).replace(tzinfo=None)

    @property
    def local_end(self) -> datetime:
        """The local time at which the period ends, exclusive."""
        return (self.end_at + self.offset).replace(tzinfo=None)


class Change(NamedTuple):
    """A clock change: at the instant `at`, the UTC offset changes from `before` to `after`."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def local_from(self) -> datetime:
        """The start (naive) of the local times that do not exist (gap) or occur twice (fold)."""
        return (self.at + min(self.before, self.after)).replace(tzinfo=None)

    @property
    def local_to(self) -> datetime:
        """The end (naive, exclusive) of the local times that do not exist or occur twice."""
        return (self.at + max(self.before, self.after)).replace(tzinfo=None)

    @property
    def is_gap(self) -> bool:
        """Whether clocks go forward and skip local times."""
        return self.after > self.before


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Return the names of all IANA time zones, without aliases whose meaning depends on the installation."""
    return frozenset(available_timezones() - _MACHINE_DEPENDENT)


def is_zone(name: str) -> bool:
    """Whether this is the name of a zone in `zone_names`, or of one that only another known version of the data has."""
    return name in zone_names() or (name not in own_rules() and newest_with([name]) is not None)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """Return the zone with this IANA name, or with a name of `data.name_in`. Raises ValueError unless `is_zone`."""
    if rules := rules_of(name):
        return ZoneInfo.from_file(BytesIO(rules), key=name)
    # Check the name first: for the directory "America" or an unsafe path, `ZoneInfo` raises other exceptions.
    if name not in zone_names():
        raise ValueError(f"{name!a} is not an IANA time zone")
    return ZoneInfo(name)


def instants_of(local: datetime, name: str) -> tuple[datetime, ...]:
    """Return the UTC instants at which clocks in the zone show a local time: one; two in a fold; none in a gap."""
    first, second = utc_by_fold(local, name)
    if first == second:
        return (first,)
    return (first, second) if first < second else ()


def utc_by_fold(local: datetime, name: str) -> tuple[datetime, datetime]:
    """Return the UTC instants of a naive local time with `fold` 0 and with `fold` 1 (PEP 495).

    In a fold or gap, the first instant uses the UTC offset before the clock change, and the second instant uses the
    offset after it: the second instant is later in a fold, and earlier in a gap.
    For all other local times, the two instants are equal.
    """
    tz = zone(name)
    before = tz.utcoffset(local) or timedelta(0)
    after = tz.utcoffset(local.replace(fold=1)) or timedelta(0)
    return (local - before).replace(tzinfo=UTC), (local - after).replace(tzinfo=UTC)


def offset_periods_from(name: str, at: datetime) -> Iterator[OffsetPeriod]:
    """Yield the zone's offset periods in ascending order, starting with the period that contains `at` (UTC).

    A period ends at a clock change or at the end of a UTC year, so the next period may have the same offset.
    """
    for year in range(at.year, MAX_YEAR + 1):
        for period in _periods_of_year(name, year):
            if period.end_at > at:
                yield period


def changes(name: str, after: datetime, until: datetime) -> Iterator[Change]:
    """Yield the zone's clock changes in (after, until], in ascending order."""
    before: timedelta | None = None
    for period in offset_periods_from(name, after):
        if period.start_at > until:
            return
        if before is not None and period.offset != before:
            yield Change(period.start_at, before, period.offset)
        before = period.offset


def has_other_rules(name: str, version: str, other: str, year: int) -> bool:
    """Whether a zone has other UTC offsets in one version of the time zone data than in another.

    Compares the years around `year`: the year before it, and the following five years.
    """
    first, second = name_in(name, version), name_in(name, other)
    return first != second and _differ(first, second, year)


@lru_cache(maxsize=8192)
def _differ(first: str, second: str, year: int) -> bool:
    return any(_periods_of_year(first, each) != _periods_of_year(second, each) for each in range(year - 1, year + 6))


# One entry per zone and year. Computing a year reads about 190 offsets, which is too slow to repeat in each search.
@lru_cache(maxsize=8192)
def _periods_of_year(name: str, year: int) -> tuple[OffsetPeriod, ...]:
    """Return the offset periods of one UTC year, ascending. Bisection finds the exact second of each clock change."""
    tz = zone(name)

    def offset_at(moment: datetime) -> timedelta:
        return tz.fromutc(moment.replace(tzinfo=tz)).utcoffset() or timedelta(0)

    year_start, year_end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    moment = year_start - _LOOKBACK
    starts = [(moment, offset_at(moment))]
    while moment < year_end:
        following = min(moment + _SEARCH_STEP, year_end)
        if offset_at(following) != starts[-1][1]:
            low, high = moment, following
            while high - low > _SECOND:
                middle = (low + (high - low) // 2).replace(microsecond=0)
                low, high = (middle, high) if offset_at(middle) == starts[-1][1] else (low, middle)
            if high < year_end:
                starts.append((high, offset_at(high)))
        moment = following

    periods: list[OffsetPeriod] = []
    # Earlier than any local time of the first period, because no offset exceeds a day.
    seen_until = (starts[0][0] - timedelta(days=2)).replace(tzinfo=None)
    ends = [start for start, _ in starts[1:]] + [year_end]
    for (start, offset), end in zip(starts, ends, strict=True):
        if end > year_start:
            periods.append(OffsetPeriod(max(start, year_start), end, offset, seen_until))
        seen_until = max(seen_until, (end + offset).replace(tzinfo=None))
    return tuple(periods)
