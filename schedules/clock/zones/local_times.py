"""Computes the instants of the local times that a cron expression names, also on days with a clock change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from schedules.clock.cron.expression import Cron, LocalTimeFinder
from schedules.clock.effort import NO_LIMIT, PERIOD_STEPS, Effort
from schedules.clock.zones.zones import OffsetPeriod, offset_periods_from

_SECOND = timedelta(seconds=1)
# An expression whose local times clocks have skipped for 50 years never fires: clock changes follow yearly rules.
MAX_TIME_WITHOUT_FIRE = timedelta(days=50 * 366)
_MAX_PERIOD_WALK = timedelta(days=40)  # to a later local time, jump: each period that is passed costs a computation
_JUMP_MARGIN = timedelta(days=2)  # more than a UTC offset and a clock change together


class Gap(StrEnum):
    """What happens to a local time that does not exist on a day, because clocks skip it when they go forward."""

    SHIFT = "shift"  # it fires when the gap ends
    SKIP = "skip"  # it does not fire that day


class Fold(StrEnum):
    """What happens to a local time that occurs twice on a day, because clocks repeat it when they go back."""

    FIRST = "first"  # it fires the first time only
    BOTH = "both"  # it fires both times


def cron_instants(
    cron: Cron,
    zone: str,
    policies: tuple[Gap, Fold],
    after: datetime,
    until: datetime,
    effort: Effort = NO_LIMIT,
) -> Iterator[datetime]:
    """Yield the instants in (after, until] at which the expression fires in the zone: aware UTC, strictly increasing.

    1. Go through the zone's periods of constant UTC offset, in order. Jump over periods without a matching local time.
    2. With the policy `shift`: if the gap before a period contains a matching time, fire once at the period's start.
    3. Fire at each matching local time of the period. With the policy `first`: skip times that have already occurred.
    4. Stop if the expression names no later local time, or if clocks have skipped each of its times for 50 years.

    The policies apply to fixed times of day only (`Cron.is_fixed`); other expressions follow elapsed time. Raises
    SearchTooLong if `effort` is used up.
    """
    gap, fold = policies
    shifts, fires_once = cron.is_fixed and gap is Gap.SHIFT, cron.is_fixed and fold is Fold.FIRST
    finder = cron.new_finder()
    last_at, start = after, after
    while start <= until:
        previous: OffsetPeriod | None = None
        local: datetime | None = None
        for period in offset_periods_from(zone, start):
            if period.start_at > until or (not cron.years and period.start_at - last_at > MAX_TIME_WITHOUT_FIRE):
                return
            effort.spend(PERIOD_STEPS)
            # Cron names whole seconds, so "later than `floor`" is the same as "from the second after it".
            if previous is None:
                floor = (start + period.offset).replace(tzinfo=None)
            else:
                floor = period.local_start - _SECOND
                if shifts and has_time_between(finder, previous.local_end, period.local_start):
                    last_at = period.start_at
                    yield last_at
                    # The expression may also name the time at which the gap ends: fire only once at this instant.
                    floor += _SECOND
            if fires_once:
                floor = max(floor, period.seen_until - _SECOND)
            local, end = finder.after(floor), period.local_end
            while local is not None and local < end:
                last_at = (local - period.offset).replace(tzinfo=UTC)
                if last_at > until:
                    return
                effort.spend(1)
                yield last_at
                local = finder.after(local)
            if local is None:
                return
            if local - end > _MAX_PERIOD_WALK:
                break
            previous = period
        else:
            return
        start = local.replace(tzinfo=UTC) - _JUMP_MARGIN


def has_time_between(finder: LocalTimeFinder, start: datetime, end: datetime) -> bool:
    """Whether the expression names a local time in [start, end), both naive; False for an empty range."""
    if start >= end:
        return False
    first = finder.after(start - _SECOND)
    return first is not None and first < end
