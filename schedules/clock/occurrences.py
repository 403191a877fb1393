"""The instants at which a schedule fires: its occurrences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import assert_never

from schedules.clock.effort import NO_LIMIT, Effort
from schedules.clock.solar import solar_instants
from schedules.clock.spec import Kind, ScheduleSpec, cron_of
from schedules.clock.zones.local_times import cron_instants
from schedules.clock.zones.zones import FIRST_AT, LAST_AT
from values.durations import MICROSECOND


def occurrences(spec: ScheduleSpec, after: datetime, until: datetime, effort: Effort = NO_LIMIT) -> Iterator[datetime]:
    """Yield the occurrences in (after, until] and within `start_at` and `end_at`: aware UTC, strictly increasing, lazy.

    `max_runs` is ignored: it limits starts, which the caller counts. A `delay` yields only its earliest possible
    instant after `after`, because later instants depend on the ends of runs. Raises ValueError if `after` or `until` is
    naive, or if an `every` has no anchor, and SearchTooLong if `effort` is used up.
    """
    if after.tzinfo is None or until.tzinfo is None:
        raise ValueError("the arguments `after` and `until` must be aware datetimes")
    low, high = max(after.astimezone(UTC), FIRST_AT), min(until.astimezone(UTC), LAST_AT)
    if spec.start_at is not None:
        # The window excludes its start, but `start_at` itself may fire.
        low = max(low, spec.start_at - MICROSECOND)
    if spec.end_at is not None:
        high = min(high, spec.end_at)
    return iter(()) if low >= high else _instants(spec, low, high, effort)


def next_after(spec: ScheduleSpec, after: datetime, effort: Effort = NO_LIMIT) -> datetime | None:
    """Return the first occurrence later than `after`, or None. For cron, the search ends after 50 years."""
    return next(occurrences(spec, after, LAST_AT, effort), None)


def occurrences_by_member(
    spec: ScheduleSpec, after: datetime, until: datetime, effort: Effort = NO_LIMIT
) -> Iterator[tuple[datetime, ScheduleSpec]]:
    """Yield each occurrence with its schedule.

    In a list of schedules, its schedule is the first member that fires at the instant.
    """
    if not spec.specs:
        return ((at, spec) for at in occurrences(spec, after, until, effort))
    low = after if spec.start_at is None else max(after, spec.start_at - MICROSECOND)
    high = until if spec.end_at is None else min(until, spec.end_at)
    merged = merge(*(_with_index(index, member, low, high, effort) for index, member in enumerate(spec.specs)))
    # `merge` sorts equal instants by index, so the first of each group is the first member that fires.
    return ((at, spec.specs[next(group)[1]]) for at, group in groupby(merged, itemgetter(0)))


def member_at(spec: ScheduleSpec, at: datetime) -> ScheduleSpec:
    """Return the first schedule in `spec.specs` that fires at `at`, or `spec` itself if there is none."""
    matching = (member for member in spec.specs if next(occurrences(member, at - MICROSECOND, at), None))
    return next(matching, spec)


def _instants(spec: ScheduleSpec, after: datetime, until: datetime, effort: Effort) -> Iterator[datetime]:
    """Yield the occurrences in (after, until]. The caller has applied the bounds `start_at` and `end_at` of `spec`."""
    match spec.kind:
        case Kind.CRON:
            policies = (spec.dst_gap, spec.dst_fold)
            return cron_instants(cron_of(spec), spec.timezone, policies, after, until, effort)
        case Kind.EVERY:
            assert spec.every is not None
            if spec.anchor_at is None:
                raise ValueError('an "every" schedule needs an anchor: call anchored() first')
            return _every_instants(spec.every, spec.anchor_at, after, until, effort)
        case Kind.ONCE:
            assert spec.at is not None
            return iter((spec.at,) if after < spec.at <= until else ())
        case Kind.SOLAR:
            assert spec.solar is not None
            return solar_instants(spec.solar, (spec.latitude, spec.longitude), after, until, effort)
        case Kind.DELAY:
            return iter((after + MICROSECOND,))
        case Kind.SEVERAL:
            return (at for at, _ in occurrences_by_member(spec, after, until, effort))
        case Kind.NONE:
            return iter(())
        case _:
            assert_never(spec.kind)


def _with_index(
    index: int, spec: ScheduleSpec, after: datetime, until: datetime, effort: Effort
) -> Iterator[tuple[datetime, int]]:
    return ((at, index) for at in occurrences(spec, after, until, effort))


def _every_instants(
    every: timedelta, anchor_at: datetime, after: datetime, until: datetime, effort: Effort
) -> Iterator[datetime]:
    # First step to the next instant: computing an instant outside the window could exceed Python's calendar.
    step = every - (after - anchor_at) % every
    at = after
    while until - at >= step:
        at += step
        effort.spend(1)
        yield at
        step = every
