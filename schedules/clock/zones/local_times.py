"""From the local times that a cron names to instants: the policies for the days on which clocks change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from schedules.clock.cron.expression import Cron, Walk
from schedules.clock.zones.zones import Piece, pieces_from

_SECOND = timedelta(seconds=1)
# The longest pause of any cron is 40 years (a 29 February on one weekday across a year that is no leap year).
GIVE_UP_AFTER = timedelta(days=50 * 366)


class Gap(StrEnum):
    """What happens to a time of the day that the clocks leave out."""

    SHIFT = "shift"
    SKIP = "skip"


class Fold(StrEnum):
    """What happens to a time of the day that the clocks show twice."""

    FIRST = "first"
    BOTH = "both"


def cron_instants(
    cron: Cron, zone: str, policies: tuple[Gap, Fold], after: datetime, until: datetime
) -> Iterator[datetime]:
    """The instants in (after, until] at which the expression fires in the zone: aware UTC, strictly increasing.

    1. Take the zone's pieces of constant offset, one after the other.
    2. Where a piece begins with a gap and times of the day are shifted: fire as it begins, if a time was left out.
    3. Fire at each local time in the piece; times that the clocks have shown before only where both are wanted.
    4. Stop when nothing has fired for 50 years: then nothing will.
    """
    gap, fold = policies
    shifts, once = cron.is_fixed and gap is Gap.SHIFT, cron.is_fixed and fold is Fold.FIRST
    walk = cron.walk()
    # Cron knows whole seconds, so a time later than `floor` is one later than the instant that it stands for.
    last_at = after
    previous: Piece | None = None
    for piece in pieces_from(zone, after):
        if piece.start_at > until or piece.start_at - last_at > GIVE_UP_AFTER:
            return
        if previous is None:
            floor = (after + piece.offset).replace(tzinfo=None)
        else:
            floor = piece.local_start - _SECOND
            if shifts and left_out(walk, previous.local_end, piece.local_start):
                last_at = piece.start_at
                yield last_at
                floor += _SECOND
        if once:
            floor = max(floor, piece.seen_until - _SECOND)
        local, end = walk.after(floor), piece.local_end
        while local is not None and local < end:
            last_at = (local - piece.offset).replace(tzinfo=UTC)
            if last_at > until:
                return
            yield last_at
            local = walk.after(local)
        previous = piece


def left_out(walk: Walk, start: datetime, end: datetime) -> bool:
    """Whether the walk has a time in [start, end), naive local times; False when that is no gap at all."""
    if start >= end:
        return False
    first = walk.after(start - _SECOND)
    return first is not None and first < end
