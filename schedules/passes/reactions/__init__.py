"""Reactions: functions that a beat calls after runs have ended. To add one, write a module here, and add a line below.

When a beat handles follow-ups, it calls each reaction once, with all ended runs in the order in which they ended, and
with the pass's `now`. The reaction returns the number of runs that it has opened. The call is inside the transaction
that deletes the follow-ups. Every job in `EndedRun.jobs` is locked and readable. A reaction

- must read and write for all ended runs together, not for each run separately;
- must not wait for a lock, because other beats and people wait for the locks of this transaction;
- must do nothing that a rollback cannot undo;
- may raise an exception. That transaction is then rolled back, and the beat handles the follow-ups in smaller and
  smaller batches. The beat pushes back each follow-up that fails alone (`followup_pushed_back`). If several follow-ups
  fail and none succeeds, the beat pushes none back, and retries all of them.
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
    schedule_after_delay,  # before pauses: a pause first records due occurrences, and a delay of 0 s is due immediately
    pause_failing_jobs,
    open_more_of_backfills,
    start_chained_jobs,
)
