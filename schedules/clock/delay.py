"""Schedules of the kind `delay`: each occurrence lies a fixed time after the end of the run before it.

Nobody knows in advance when a run ends, so the job's `next_run_at` decides (`due.py`). `occurrences` knows the
first instant only.
"""

from __future__ import annotations

from datetime import datetime

from schedules.clock.spec import ScheduleSpec
from schedules.clock.zones.zones import LAST_AT


def next_after_run(spec: ScheduleSpec, ended_at: datetime, mark_at: datetime) -> datetime | None:
    """Return the occurrence of a delay that follows a run that ended at `ended_at`; None after the schedule's `end_at`.

    The result is later than `mark_at`, even if a worker with a slow clock recorded the end.
    """
    assert spec.delay is not None
    at = max(ended_at, mark_at) + spec.delay
    at = max(at, spec.start_at) if spec.start_at else at
    return at if at <= (spec.end_at or LAST_AT) else None
