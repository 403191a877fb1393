"""Reactions: what happens after runs have ended. To add one, write a module here and a line in `REACTIONS`.

A reaction takes the runs that have ended, in the order of their ends, and the pass's `now`; it returns how many runs
it has opened. It is called once a pass, inside the transaction that removes the follow-ups, and only if a run has
ended. Every job in `EndedRun.jobs` is locked and readable. A reaction therefore

- reads and writes for all ended runs together, not one by one;
- never waits for a lock: other beats, and people who edit jobs, wait for the locks of this transaction;
- may raise: then the pass is rolled back and repeated for ever smaller parts, until the one follow-up that fails is
  found and pushed back (`followup_pushed_back`). So it does nothing that a rollback cannot undo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

from schedules.passes.ended_runs import EndedRun
from schedules.passes.reactions.backfills import open_more_of_backfills
from schedules.passes.reactions.chained_jobs import start_chained_jobs
from schedules.passes.reactions.delays import schedule_after_delay
from schedules.passes.reactions.failures import pause_failing_jobs

Reaction: TypeAlias = Callable[[Sequence[EndedRun], datetime], int]

REACTIONS: tuple[Reaction, ...] = (
    schedule_after_delay,  # before the pause, which settles what is due: a delay of 0 s is due at once
    pause_failing_jobs,  # before the chains: a job that is paused now does not start
    open_more_of_backfills,
    start_chained_jobs,
)
