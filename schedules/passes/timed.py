"""What is to be done about jobs at an instant, beside their occurrences. Each part is one pass over what is due."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from schedules.backfills import backfill
from schedules.pauses import pause_sets, resuming

if TYPE_CHECKING:
    from datetime import datetime

STEPS_A_PASS = 5
JOBS_A_PASS = 200  # what is due meanwhile waits for them


@dataclass(frozen=True, slots=True)
class TimedWork:
    """How much was done, and whether there may be more."""

    n_done: int = 0
    more: bool = False


NO_TIMED_WORK = TimedWork()


def do_timed_work(now: datetime, limit: int) -> TimedWork:
    """Do what is due: end the pauses that are over by themselves, take backfills and pauses of many jobs further."""
    limit = min(limit, JOBS_A_PASS)
    n_resumed = resuming.end_expired(now, limit)
    n_steps = sum(1 for _ in takewhile(bool, (backfill.step_once(now) for _ in range(STEPS_A_PASS))))
    n_steps += pause_sets.step_once(now)
    return TimedWork(n_resumed + n_steps, more=n_resumed >= limit or n_steps >= STEPS_A_PASS)
