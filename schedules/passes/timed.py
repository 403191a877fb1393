"""Timed work: ends of pauses, and steps of backfills, pause sets and recomputations, each due at an instant."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from schedules.backfills import backfill
from schedules.pauses import pause_sets, resuming
from schedules.zone_data import adoption

if TYPE_CHECKING:
    from datetime import datetime

# Both limits keep timed work short, because due jobs wait for it. A step of a backfill opens up to 100 runs.
MAX_BACKFILL_STEPS_PER_PASS = 5
MAX_RESUMED_JOBS_PER_PASS = 200


def do_timed_work(now: datetime, limit: int) -> int:
    """End up to `limit` expired pauses, at most 200. Do up to 5 due steps of backfills, and 1 due step of a pause set.

    Also does 1 due step of the recomputation after a change of the time zone data. Returns the number of pauses that
    were ended, plus the number of steps, plus the number of jobs of the recomputation.
    """
    n_resumed = resuming.end_expired(now, min(limit, MAX_RESUMED_JOBS_PER_PASS))
    n_steps = sum(1 for _ in takewhile(bool, (backfill.step_once(now) for _ in range(MAX_BACKFILL_STEPS_PER_PASS))))
    return n_resumed + n_steps + pause_sets.step_once(now) + adoption.recompute_once(now)
