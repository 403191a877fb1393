"""Schedules of the kind `delay`: the next occurrence is due a fixed time after a run has ended or was skipped.

The end of a run is not known in advance, so the tick uses the job's `next_run_at` (see `due.py`). `occurrences` yields
only the earliest possible instant.
"""

from __future__ import annotations

from datetime import datetime

from schedules.clock.spec import ScheduleSpec
from schedules.clock.zones.zones import LAST_AT


def next_after_run(spec: ScheduleSpec, ended_at: datetime, mark_at: datetime) -> datetime | None:
    """Return the next occurrence of a delay after a run that ended at `ended_at`; None if later than `spec.end_at`.

    The result is not earlier than `spec.start_at`. It is later than `mark_at`, even if a worker with a slow clock
    recorded the end of the run.
    """
    assert spec.delay is not None
    at = max(ended_at, mark_at) + spec.delay
    at = max(at, spec.start_at) if spec.start_at else at
    return at if at <= (spec.end_at or LAST_AT) else None
