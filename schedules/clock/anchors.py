"""Computes the starting points of a job: the anchors of its intervals, and its first mark."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from schedules.clock.spec import Kind, ScheduleSpec, with_anchor
from values.durations import MICROSECOND

ONCE_GRACE = timedelta(minutes=1)  # accept an `at` this far in the past: a request for "now" takes time to arrive


def anchored(spec: ScheduleSpec, now: datetime) -> ScheduleSpec:
    """Return `spec` with an anchor in each interval, that is, in each `every` schedule.

    An interval without an anchor gets the first of these that exists: the `start_at` of the interval, the `start_at`
    of the list of schedules that contains the interval, `now` (aware).
    """
    return with_anchor(spec, spec.start_at or now)


def keep_anchors(spec: ScheduleSpec, before: ScheduleSpec | None) -> ScheduleSpec:
    """Return `spec` with its missing anchors copied from the same intervals of `before`, the job's current schedule.

    An interval without an anchor that is submitted again therefore fires at the same instants as before, even if
    another member of the schedule has changed. But a `start_at` that has changed is the interval's new anchor. A list
    of schedules may be submitted in another order.
    """
    if before is None:
        return spec
    left = [old for old in before.specs or (before,) if old.anchor_at]
    specs = spec.specs or (spec,)
    kept: dict[int, ScheduleSpec] = {}
    # Equal schedules match first, and schedules with an anchor before schedules without an anchor: otherwise another
    # entry with the same interval could use up their match.
    with_anchor_first = sorted(range(len(specs)), key=lambda index: specs[index].anchor_at is None)
    for is_match in (_is_equal, _has_same_interval):
        for index in with_anchor_first:
            old = next((old for old in left if is_match(specs[index], old)), None)
            if old is not None and index not in kept:
                left.remove(old)
                start_at = specs[index].start_at or spec.start_at
                is_kept = start_at in (None, old.start_at, before.start_at)
                kept[index] = replace(specs[index], anchor_at=old.anchor_at) if is_kept else specs[index]
    found = tuple(kept.get(index, each) for index, each in enumerate(specs))
    return replace(spec, specs=found) if spec.specs else found[0]


def has_same_timing(spec: ScheduleSpec, other: ScheduleSpec) -> bool:
    """Whether both schedules have the same `cron`, `every`, `at`, `solar` with its place, `delay` or `specs`.

    The time zone, the anchor, the bounds and the rules for clock changes may differ, and so may the order of a list.
    """
    return _timing(spec) == _timing(other)


def first_mark(spec: ScheduleSpec, now: datetime) -> datetime:
    """Return the first mark of a job that gets this schedule at `now` (aware).

    The job fires only for instants later than the mark.
    """
    match spec.kind:
        case Kind.DELAY:
            # The first run of a delay is due at `now`, so the mark must be earlier than `now`.
            return now - MICROSECOND
        case Kind.ONCE:
            return now - ONCE_GRACE
        case Kind.CRON | Kind.EVERY | Kind.SOLAR | Kind.SEVERAL | Kind.NONE:
            return now
        case _:
            assert_never(spec.kind)


def _is_equal(spec: ScheduleSpec, old: ScheduleSpec) -> bool:
    return replace(spec, anchor_at=spec.anchor_at or old.anchor_at) == old


def _has_same_interval(spec: ScheduleSpec, old: ScheduleSpec) -> bool:
    return spec.every == old.every and spec.anchor_at in (None, old.anchor_at)


def _timing(spec: ScheduleSpec) -> tuple[object, ...]:
    # The entries of a list are sorted by their texts, because their values have no order.
    entries = tuple(sorted(map(_timing, spec.specs), key=repr))
    return (
        spec.kind,
        spec.cron,
        spec.hash_key,
        spec.every,
        spec.at,
        spec.solar,
        spec.latitude,
        spec.longitude,
        spec.delay,
        entries,
    )
