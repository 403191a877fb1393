"""Time zones: their names, their offsets over time, and what instants a local time stands for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

MIN_YEAR = 1900
MAX_YEAR = 9998  # a year is left at the end, so that no zone's local time can leave Python's calendar
FIRST_AT = datetime(MIN_YEAR, 1, 1, tzinfo=UTC)
LAST_AT = datetime(MAX_YEAR, 12, 31, 23, 59, 59, tzinfo=UTC)

# No zone has ever kept an offset for less than three days, so two looks a day can't miss a pair of changes.
_GRID = timedelta(hours=12)
_SECOND = timedelta(seconds=1)
# The longest fold on record is a whole day; a piece has to know of those that began before its year.
_LOOKBACK = timedelta(days=3)
_MACHINE_DEPENDENT = {"localtime", "Factory"}


class Piece(NamedTuple):
    """A stretch of time with one offset. Instants are aware UTC, local times naive; the end is exclusive.

    Local times before `seen_until` have been on the clock already, before the last change.
    """

    start_at: datetime
    end_at: datetime
    offset: timedelta
    seen_until: datetime

    @property
    def local_start(self) -> datetime:
        """The first local time of the piece."""
        return (self.start_at + self.offset).replace(tzinfo=None)

    @property
    def local_end(self) -> datetime:
        """The local time that the piece does not reach any more."""
        return (self.end_at + self.offset).replace(tzinfo=None)


class Change(NamedTuple):
    """A clock change: at this instant the offset goes from `before` to `after`."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def local_from(self) -> datetime:
        """Naive start of the local times that are left out (gap) or that come twice (fold)."""
        return (self.at + min(self.before, self.after)).replace(tzinfo=None)

    @property
    def local_to(self) -> datetime:
        """Naive end, exclusive, of those local times."""
        return (self.at + max(self.before, self.after)).replace(tzinfo=None)

    @property
    def is_gap(self) -> bool:
        """Whether clocks go forward."""
        return self.after > self.before


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Every IANA name that means the same on each machine."""
    return frozenset(available_timezones() - _MACHINE_DEPENDENT)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone of that name. Raises ValueError for a name that is not in the IANA database."""
    if name not in zone_names():
        raise ValueError(f"{name!a} is not an IANA time zone")
    return ZoneInfo(name)


def instants_of(local: datetime, name: str) -> tuple[datetime, ...]:
    """The UTC instants at which clocks in the zone show a naive local time: one, two in a fold, none in a gap."""
    first, second = readings_of(local, name)
    if first == second:
        return (first,)
    return (first, second) if first < second else ()


def readings_of(local: datetime, name: str) -> tuple[datetime, datetime]:
    """The naive local time read with the offset before and with the one after the nearest change, in UTC.

    Both are equal for an ordinary time; the second one is earlier when the time is in a gap.
    """
    place = zone(name)
    before = place.utcoffset(local) or timedelta(0)
    after = place.utcoffset(local.replace(fold=1)) or timedelta(0)
    return (local - before).replace(tzinfo=UTC), (local - after).replace(tzinfo=UTC)


def pieces_from(name: str, at: datetime) -> Iterator[Piece]:
    """The pieces of the zone in order, from the one that holds `at`; a year's end also ends a piece."""
    for year in range(at.year, MAX_YEAR + 1):
        for piece in _pieces_of_year(name, year):
            if piece.end_at > at:
                yield piece


def changes(name: str, after: datetime, until: datetime) -> Iterator[Change]:
    """The zone's clock changes in (after, until], in order."""
    before: timedelta | None = None
    for piece in pieces_from(name, after):
        if piece.start_at > until:
            return
        if before is not None and piece.offset != before:
            yield Change(piece.start_at, before, piece.offset)
        before = piece.offset


@lru_cache(maxsize=8192)
def _pieces_of_year(name: str, year: int) -> tuple[Piece, ...]:
    place = zone(name)

    def offset_at(moment: datetime) -> timedelta:
        return place.fromutc(moment.replace(tzinfo=place)).utcoffset() or timedelta(0)

    year_start, year_end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    moment = year_start - _LOOKBACK
    bounds = [(moment, offset_at(moment))]
    while moment < year_end:
        following = min(moment + _GRID, year_end)
        if offset_at(following) != bounds[-1][1]:
            low, high = moment, following
            while high - low > _SECOND:
                middle = low + (high - low) // 2
                middle = middle.replace(microsecond=0)
                low, high = (middle, high) if offset_at(middle) == bounds[-1][1] else (low, middle)
            if high < year_end:
                bounds.append((high, offset_at(high)))
        moment = following

    pieces: list[Piece] = []
    seen_until = (bounds[0][0] - timedelta(days=2)).replace(tzinfo=None)  # earlier than the first local time
    ends = [start for start, _ in bounds[1:]] + [year_end]
    for (start, offset), end in zip(bounds, ends, strict=True):
        if end > year_start:
            pieces.append(Piece(max(start, year_start), end, offset, seen_until))
        seen_until = max(seen_until, (end + offset).replace(tzinfo=None))
    return tuple(pieces)
