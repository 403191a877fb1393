"""Which instants a schedule names: the one question that the engine asks of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import groupby
from operator import itemgetter

from schedules.clock.cron.expression import read_cron
from schedules.clock.solar import solar_instants
from schedules.clock.spec import Kind, ScheduleSpec
from schedules.clock.zones.local_times import cron_instants
from schedules.clock.zones.zones import FIRST_AT, LAST_AT

_TICK = timedelta(microseconds=1)


def occurrences(spec: ScheduleSpec, after: datetime, until: datetime) -> Iterator[datetime]:
    """The nominal instants in (after, until] and within the schedule's bounds: aware UTC, strictly increasing, lazy.

    `max_runs` is not looked at: who counts the runs applies it. Of a `delay` it is the first instant that it may have
    after `after`; the others hang on its runs. Raises ValueError for naive bounds, and for an
    `every` that has no anchor yet.
    """
    if after.tzinfo is None or until.tzinfo is None:
        raise ValueError("after and until must be aware datetimes")
    low, high = max(after.astimezone(UTC), FIRST_AT), min(until.astimezone(UTC), LAST_AT)
    if spec.start_at is not None:
        low = max(low, spec.start_at - _TICK)
    if spec.end_at is not None:
        high = min(high, spec.end_at)
    if low >= high:
        return iter(())
    if spec.kind is Kind.CRON and spec.cron is not None:
        policies = (spec.dst_gap, spec.dst_fold)
        return cron_instants(read_cron(spec.cron), spec.timezone, policies, low, high)
    if spec.kind is Kind.EVERY and spec.every is not None:
        if spec.anchor_at is None:
            raise ValueError("an every schedule has no instants before with_anchor() has given it an anchor")
        return _every_instants(spec.every, spec.anchor_at, low, high)
    if spec.solar is not None:
        return solar_instants(spec.solar, (spec.latitude, spec.longitude), low, high)
    if spec.delay is not None:
        return iter((low + _TICK,))
    if spec.specs:
        return (at for at, _ in named(spec, low, high))
    if spec.kind is Kind.ONCE and spec.at is not None and low < spec.at <= high:
        return iter((spec.at,))
    return iter(())


def next_after(spec: ScheduleSpec, after: datetime) -> datetime | None:
    """The first occurrence later than `after`, or None when none is left (or none within 50 years)."""
    return next(occurrences(spec, after, LAST_AT), None)


def named(spec: ScheduleSpec, after: datetime, until: datetime) -> Iterator[tuple[datetime, ScheduleSpec]]:
    """The occurrences, each with the schedule that names it: of several the first that does."""
    if not spec.specs:
        return ((at, spec) for at in occurrences(spec, after, until))
    low = after if spec.start_at is None else max(after, spec.start_at - _TICK)
    high = until if spec.end_at is None else min(until, spec.end_at)
    each = merge(*(_numbered(number, member, low, high) for number, member in enumerate(spec.specs)))
    return ((at, spec.specs[next(group)[1]]) for at, group in groupby(each, itemgetter(0)))


def one_with(spec: ScheduleSpec, at: datetime) -> ScheduleSpec:
    """The schedule that names this instant: of several the first that does, else the schedule itself."""
    naming = (member for member in spec.specs if next(occurrences(member, at - _TICK, at), None))
    return next(naming, spec)


def _numbered(number: int, spec: ScheduleSpec, after: datetime, until: datetime) -> Iterator[tuple[datetime, int]]:
    return ((at, number) for at in occurrences(spec, after, until))


def _every_instants(every: timedelta, anchor_at: datetime, after: datetime, until: datetime) -> Iterator[datetime]:
    # The remainder keeps the arithmetic within the window: no instant before it or after it is ever made.
    step = every - (after - anchor_at) % every
    at = after
    while until - at >= step:
        at += step
        yield at
        step = every
