"""Where a job begins to count: the anchor of its interval, and the mark after which its first occurrence lies."""

from __future__ import annotations

from datetime import datetime, timedelta

from schedules.clock.spec import Kind, ScheduleSpec, with_anchor

LATE_ONCE = timedelta(minutes=1)  # an `at` this long ago is taken to mean now


def anchored(spec: ScheduleSpec, now: datetime) -> ScheduleSpec:
    """Give an interval that names no anchor the start of the schedule, else `now`."""
    return with_anchor(spec, spec.start_at or now)


def as_it_was(spec: ScheduleSpec, before: ScheduleSpec) -> ScheduleSpec:
    """Give an interval that is set again without an anchor the one it had, so that it keeps its beat."""
    same = with_anchor(spec, before.anchor_at) if before.anchor_at else spec
    return same if same == before else spec


def first_mark(spec: ScheduleSpec, now: datetime) -> datetime:
    """Return the mark of a job that gets this schedule at `now`."""
    return now - LATE_ONCE if spec.kind is Kind.ONCE else now
