"""Handles due follow-ups: calls the reactions to ended runs, and admits held runs.

The statement that ends a run also writes its follow-up, if the job needs one. One transaction stores the effects of all
reactions and deletes the follow-up. The effects are therefore stored exactly once, even if a process is killed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import transaction

from executions import runs
from schedules.passes.ended_runs import lock_ended_runs
from schedules.passes.reactions import REACTIONS
from values.database import PUSH_BACK_DELAY, every_key_failed, is_database_unavailable, one_line, split_on_failure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

log = structlog.get_logger(__name__)

# If the job of a follow-up is locked, the follow-up is due again after this time. Passes and requests lock a job for
# milliseconds only.
BUSY_JOB_DELAY = timedelta(milliseconds=50)


@dataclass(frozen=True, slots=True)
class FollowUpResult:
    """Counts of one pass: follow-ups handled, decisions on held runs, runs opened, and follow-ups that failed."""

    n_followups: int = 0
    n_decided: int = 0
    n_opened: int = 0
    n_broken: int = 0

    def __add__(self, other: FollowUpResult) -> FollowUpResult:
        return FollowUpResult(
            self.n_followups + other.n_followups,
            self.n_decided + other.n_decided,
            self.n_opened + other.n_opened,
            self.n_broken + other.n_broken,
        )


def follow_once(now: datetime, limit: int) -> FollowUpResult:
    """Handle up to `limit` follow-ups that are due.

    1. Lock the follow-ups that no other pass has locked, and their jobs.
    2. Call every reaction with the runs that have ended.
    3. Admit held runs as far as their limits allow now.
    4. Delete the follow-ups that are done. Steps 1 to 4 are one transaction.
    5. If the transaction fails, find the follow-ups that make it fail, and handle all other follow-ups.

    Raises if the database is unavailable.
    """
    try:
        with transaction.atomic():
            return _handle(runs.take_followups(now, limit), now)
    except Exception as error:
        if is_database_unavailable(error):
            raise
        log.warning("pass_taken_apart", action="follow", error=one_line(error))
        return _handle_apart(runs.due_followup_ids(now, limit), now)


def _handle_apart(ids: Sequence[int], now: datetime) -> FollowUpResult:
    """Handle follow-ups in smaller and smaller batches; postpone each follow-up that fails when handled alone.

    If several follow-ups fail and none succeeds, no follow-up is postponed: the beat retries all of them.
    """
    parts, faults = split_on_failure(lambda some: _handle(runs.take_followups_by_id(some, now), now), ids)
    if every_key_failed(parts, faults):
        # Every follow-up failed, as on a full disk: no single follow-up is the cause, and the beat retries all of them.
        log.error("pass_failed", action="follow", n_followups=len(faults), error=one_line(next(iter(faults.values()))))
        return FollowUpResult(n_broken=len(faults))
    for followup_id, error in faults.items():
        log.error("followup_pushed_back", action="push_back", followup=followup_id, exc_info=error)
    split_on_failure(lambda some: runs.postpone_followups(some, now + PUSH_BACK_DELAY), list(faults))
    return sum(parts, FollowUpResult(len(faults), n_broken=len(faults)))


def _handle(found: Sequence[runs.Followup], now: datetime) -> FollowUpResult:
    if not found:
        return FollowUpResult()
    ended = lock_ended_runs({followup.run_id: followup for followup in found if followup.run_id})
    # Call reactions before admission, so that admission also decides on the held runs that reactions open.
    n_opened = sum(react(ended.ready, now) for react in REACTIONS) if ended.ready else 0
    ready = [followup for followup in found if followup not in ended.postponed]
    admitted = runs.admit(
        {followup.job_id for followup in ready},
        {followup.concurrency_key for followup in ready if followup.concurrency_key},
        {followup.rate_key for followup in ready if followup.rate_key},
        now,
    )
    runs.postpone_followups([followup.id for followup in ended.busy], now + BUSY_JOB_DELAY)
    runs.postpone_followups([followup.id for followup in ended.broken], now + PUSH_BACK_DELAY)
    # If a job or key has more held runs than one admission can check, keep one of its follow-ups for the next pass.
    kept = {followup.about: followup for followup in ready if not admitted.more_of.isdisjoint(followup.about)}
    runs.delete_followups({*ready} - {*kept.values()})
    if kept:
        runs.requeue_followups(kept.values(), now)
    runs.schedule_followups(admitted.later)
    return FollowUpResult(len(found), admitted.n_decided, n_opened)
