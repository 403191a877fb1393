"""Where a job starts counting: the anchor of an interval, and the mark after which its first occurrence lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from schedules.clock.spec import Kind, ScheduleSpec, with_anchor
from values.durations import MICROSECOND

ONCE_GRACE = timedelta(minutes=1)  # accept an `at` this far in the past: a request for "now" takes time to arrive


def anchored(spec: ScheduleSpec, now: datetime) -> ScheduleSpec:
    """Return `spec` with an anchor for each interval without one: the schedule's `start_at`, or else `now` (aware)."""
    return with_anchor(spec, spec.start_at or now)


def keep_anchors(spec: ScheduleSpec, before: ScheduleSpec | None) -> ScheduleSpec:
    """Return `spec` with the anchors that `before`, the job's present schedule, has for the same intervals.

    An interval that is submitted again without an anchor therefore keeps its rhythm. In a list of schedules, each
    interval that differs only by its anchor keeps the old anchor.
    """
    if before is None:
        return spec
    old_specs = before.specs or (before,)
    if spec.specs:
        return replace(spec, specs=_keep_each_anchor(spec.specs, old_specs))
    return _with_matching_anchor(spec, old_specs)


def first_mark(spec: ScheduleSpec, now: datetime) -> datetime:
    """Return the first mark of a job that gets this schedule at `now` (aware): its occurrences lie after the mark."""
    match spec.kind:
        case Kind.DELAY:
            # The first run of a delay is due at once, so `now` itself must lie after the mark.
            return now - MICROSECOND
        case Kind.ONCE:
            return now - ONCE_GRACE
        case Kind.CRON | Kind.EVERY | Kind.SOLAR | Kind.SEVERAL | Kind.NONE:
            return now
        case _:
            assert_never(spec.kind)


def _keep_each_anchor(specs: Sequence[ScheduleSpec], old_specs: Iterable[ScheduleSpec]) -> tuple[ScheduleSpec, ...]:
    """Return `specs` with the anchors of matching old schedules; each old schedule is used once."""
    left, found = list(old_specs), dict[int, ScheduleSpec]()
    # First the schedules that state their anchor, so that no equal interval without an anchor takes their old schedule.
    for index, spec in sorted(enumerate(specs), key=lambda pair: pair[1].anchor_at is None):
        found[index] = _with_matching_anchor(spec, left)
        if found[index] in left:
            left.remove(found[index])
    return tuple(found[index] for index in range(len(specs)))


def _with_matching_anchor(spec: ScheduleSpec, old_specs: Iterable[ScheduleSpec]) -> ScheduleSpec:
    """Return the old schedule that differs from `spec` only by having an anchor; `spec` itself if there is none."""
    return next((old for old in old_specs if old.anchor_at and with_anchor(spec, old.anchor_at) == old), spec)
