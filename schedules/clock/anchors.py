"""Where a job begins to count: the anchor of its interval, and the mark after which its first occurrence lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from schedules.clock.spec import Kind, ScheduleSpec, with_anchor

ONCE_GRACE = timedelta(minutes=1)  # an `at` this long ago is taken to mean now


def anchored(spec: ScheduleSpec, now: datetime) -> ScheduleSpec:
    """Give each interval that names no anchor the start of its schedule, else `now`."""
    return with_anchor(spec, spec.start_at or now)


def keep_anchors(spec: ScheduleSpec, before: ScheduleSpec | None) -> ScheduleSpec:
    """Give an interval that is set again without an anchor the one it had, so that it keeps its beat; of several, each."""
    if before is None:
        return spec
    befores = before.specs or (before,)
    if spec.specs:
        return replace(spec, specs=_keep_each_anchor(spec.specs, befores))
    return _with_matching_anchor(spec, befores)


def first_mark(spec: ScheduleSpec, now: datetime) -> datetime:
    """Return the mark of a job that gets this schedule at `now`: a delay begins just then."""
    if spec.kind is Kind.DELAY:
        return now - timedelta(microseconds=1)
    return now - ONCE_GRACE if spec.kind is Kind.ONCE else now


def _keep_each_anchor(specs: Sequence[ScheduleSpec], befores: Iterable[ScheduleSpec]) -> tuple[ScheduleSpec, ...]:
    """Each of those before is for one of these alone: for one that names its anchor, before any that does not."""
    left, found = list(befores), dict[int, ScheduleSpec]()
    for place, spec in sorted(enumerate(specs), key=lambda each: each[1].anchor_at is None):
        found[place] = _with_matching_anchor(spec, left)
        if found[place] in left:
            left.remove(found[place])
    return tuple(found[place] for place in range(len(specs)))


def _with_matching_anchor(spec: ScheduleSpec, before: Iterable[ScheduleSpec]) -> ScheduleSpec:
    return next((each for each in before if each.anchor_at and with_anchor(spec, each.anchor_at) == each), spec)
