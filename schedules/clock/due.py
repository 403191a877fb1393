"""Which instants of a job are due, and which one is next, whatever the kind of its schedule.

The tick plans with these two functions. An edit and the end of a pause call `next_due` for a delay, and
`occurrences.next_after` for any other kind. Occurrences of most kinds follow from the schedule alone; those of a delay
depend on the ends of runs (`delay.py`).
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
    """Yield the instants that a job must process at `now`, ascending: the occurrences in (`mark_at`, `now`].

    A delay has at most one: its `next_run_at`, however long ago that was. If that is None, its run has not ended yet.
    """
    if spec.kind is not Kind.DELAY:
        return occurrences(spec, mark_at, now)
    if next_run_at is None:
        return iter(())
    # Everything up to the mark is decided, so an instant at or before it would start a second run.
    at = max(next_run_at, mark_at + MICROSECOND)
    return iter((at,) if at <= now else ())


def next_due(spec: ScheduleSpec, mark_at: datetime) -> datetime | None:
    """Return the next occurrence after `mark_at` of a job that does not wait for a run to end; None if it has none.

    For a delay this is one delay after the mark, because the occurrence at the mark started no run.
    """
    return next_after_run(spec, mark_at, mark_at) if spec.kind is Kind.DELAY else next_after(spec, mark_at)
