"""Computes the starting points of a job: the anchors of its intervals, and its first mark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    """Return `spec` with its missing anchors copied from equal intervals of `before`, the job's current schedule.

    An interval that is submitted again without an anchor therefore fires at the same instants as before. A list of
    schedules may be submitted in another order.
    """
    if before is None:
        return spec
    old_specs = before.specs or (before,)
    if spec.specs:
        return replace(spec, specs=_keep_each_anchor(spec.specs, old_specs))
    return _with_matching_anchor(spec, old_specs)


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


def _keep_each_anchor(specs: Sequence[ScheduleSpec], old_specs: Iterable[ScheduleSpec]) -> tuple[ScheduleSpec, ...]:
    """Return `specs` with the anchors of matching old schedules. Each old schedule matches at most one of `specs`."""
    left, found = list(old_specs), dict[int, ScheduleSpec]()
    # Match schedules with an anchor first: otherwise an equal interval without an anchor could use up their match.
    for index, spec in sorted(enumerate(specs), key=lambda pair: pair[1].anchor_at is None):
        found[index] = _with_matching_anchor(spec, left)
        if found[index] in left:
            left.remove(found[index])
    return tuple(found[index] for index in range(len(specs)))


def _with_matching_anchor(spec: ScheduleSpec, old_specs: Iterable[ScheduleSpec]) -> ScheduleSpec:
    """Return the first of `old_specs` that has an anchor and equals `spec`; if no old schedule does, return `spec`.

    If `spec` has no anchor, the anchors are not compared.
    """
    return next((old for old in old_specs if old.anchor_at and with_anchor(spec, old.anchor_at) == old), spec)
