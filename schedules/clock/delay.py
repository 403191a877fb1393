"""Schedules that wait for their own runs: each occurrence comes a fixed delay after the run of the one before has ended.

What such a schedule names depends on when runs end, so the job's `next_run_at` is what counts; `occurrences` knows the
first instant only.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from schedules.clock.occurrences import next_after, occurrences
from schedules.clock.spec import Kind, ScheduleSpec
from schedules.clock.zones.zones import LAST_AT

_TICK = timedelta(microseconds=1)


def due_instants(
    spec: ScheduleSpec, mark_at: datetime, next_run_at: datetime | None, now: datetime
) -> Iterator[datetime]:
    """The nominal instants that a job has to handle at `now`: those in (mark, now], of a delay the one at `next_run_at`."""
    if spec.kind is not Kind.DELAY:
        return occurrences(spec, mark_at, now)
    if next_run_at is None:
        return iter(())
    at = max(next_run_at, mark_at + _TICK)
    return iter((at,) if at <= now else ())


def next_due(spec: ScheduleSpec, mark_at: datetime) -> datetime | None:
    """The next instant of a job whose occurrences up to `mark_at` are decided, and of which no run is waited for."""
    return next_after_run(spec, mark_at, mark_at) if spec.kind is Kind.DELAY else next_after(spec, mark_at)


def next_after_run(spec: ScheduleSpec, ended_at: datetime, mark_at: datetime) -> datetime | None:
    """The instant that follows the end of a run of a delay; None when that lies after the schedule's end.

    It is later than `mark_at`, also when the clock of the machine that wrote the end is slow.
    """
    assert spec.delay is not None
    at = max(ended_at, mark_at) + spec.delay
    at = max(at, spec.start_at) if spec.start_at else at
    return at if at <= (spec.end_at or LAST_AT) else None
