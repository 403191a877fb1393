"""Finds the due instants and the next instant of a job, for every kind of schedule.

For most kinds, the schedule alone determines the instants. The instants of a delay also depend on the ends of runs (see
`delay.py`). The tick calls `due_instants` and `next_due`. Other callers replace a schedule, end a pause or show the
next instant.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from schedules.clock.delay import next_after_run
from schedules.clock.occurrences import next_after, occurrences
from schedules.clock.spec import Kind, ScheduleSpec
from values.durations import MICROSECOND


def due_instants(
    spec: ScheduleSpec, mark_at: datetime, next_run_at: datetime | None, now: datetime
) -> Iterator[datetime]:
    """Yield the instants that the tick must process at `now`, ascending: the occurrences in (`mark_at`, `now`].

    A schedule of the kind `delay` has at most one due instant: the job's `next_run_at`, or one microsecond after the
    mark if that is later. There is no due instant if `next_run_at` is None: the run of the last occurrence is live, or
    the schedule has ended. For other kinds, `next_run_at` is ignored.
    """
    if spec.kind is not Kind.DELAY:
        return occurrences(spec, mark_at, now)
    if next_run_at is None:
        return iter(())
    # Occurrences up to the mark are decided, so an instant at or before the mark would start a second run.
    at = max(next_run_at, mark_at + MICROSECOND)
    return iter((at,) if at <= now else ())


def next_due(spec: ScheduleSpec, mark_at: datetime) -> datetime | None:
    """Return the first occurrence after `mark_at`, or None.

    For a delay schedule, this is `mark_at` plus the delay, but not before `start_at`. Do not call this function while a
    scheduled run of a delay schedule is live: the end of the run sets the next instant.
    """
    return next_after_run(spec, mark_at, mark_at) if spec.kind is Kind.DELAY else next_after(spec, mark_at)
