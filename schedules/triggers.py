"""Runs a job by hand, pauses a job, and resumes a job."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import structlog
from django.db import transaction

from executions import runs
from executions.states import Origin
from schedules import tick
from schedules.clock.policies.resumption import DEFAULT_MAX_STARTS, Resumption
from schedules.exceptions import JobConflict
from schedules.jobs import chains
from schedules.jobs.definitions import lock
from schedules.models import Job, JobState
from schedules.pauses import resuming
from schedules.pauses.terms import UNTIL_RESUMED, PauseTerms

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

log = structlog.get_logger(__name__)


def run_now(job: Job, now: datetime, *, actor: str) -> runs.Run:
    """Open a run of the job. The job's concurrency limit, rate limit and start deadline apply to the run.

    The job's schedule, state, feature flag and overlap policy do not matter. Raises CannotRead if the job's policies
    are unreadable.
    """
    new = runs.NewRun(job.scope_id, job.pk, job.spec_id, nominal_at=now, origin=Origin.MANUAL)
    run = runs.open_requested(new, job.policies, now, actor=actor)
    log.info("job_run_by_hand", action="run_now", job=str(job.pk), run=str(run.pk), actor=actor)
    return run


def pause(
    job_id: UUID,
    now: datetime,
    *,
    actor: str,
    terms: PauseTerms = UNTIL_RESUMED,
) -> Job:
    """Pause a job at `now`. Occurrences up to `now` still run, unless a policy skips them.

    Pausing a paused job changes the terms of the pause, not its start. Raises InvalidDefinition for invalid terms,
    JobGone if there is no such job, and JobConflict if the schedule has ended and no other job starts this job.
    """
    terms.check(now)
    with transaction.atomic():
        lock(job_id)
        tick.settle(job_id, now)
        job = lock(job_id)  # read again: settling may have moved the job's clock or ended the job
        if job.state == JobState.ENDED and not chains.of(job_id):
            raise JobConflict("The job's schedule has ended: there is nothing to pause.")
        _set_paused(job, now, actor, terms)
        if terms.until:
            runs.wake_beat()
    log.info("job_paused", action="pause", job=str(job_id), actor=actor)
    return job


def pause_new(job: Job, now: datetime, *, actor: str, terms: PauseTerms = UNTIL_RESUMED) -> None:
    """Pause a job that the current transaction has created: nothing runs, not even the first run of a delay.

    Raises InvalidDefinition for invalid terms.
    """
    terms.check(now)
    _set_paused(job, now, actor, terms)
    transaction.on_commit(partial(log.info, "job_paused", action="pause", job=str(job.pk), actor=actor))


def resume(
    job_id: UUID,
    now: datetime,
    *,
    actor: str,
    catch_up: Resumption = Resumption.NONE,
    max_runs: int = DEFAULT_MAX_STARTS,
) -> Job:
    """End a job's pause. `catch_up` selects the occurrences during the pause that start now, at most `max_runs`.

    Raises JobGone; JobConflict if the job is not paused; CannotRead if its schedule is unreadable.
    """
    with transaction.atomic():
        job = lock(job_id)
        resuming.refuse_unless_paused(job)
        resuming.end([job], now, actor=actor, catch_up=catch_up, max_runs=max_runs)
        return lock(job_id)


def _set_paused(job: Job, now: datetime, actor: str, terms: PauseTerms) -> None:
    if job.state != JobState.PAUSED:
        job.state, job.paused_at = JobState.PAUSED, now
    values = {
        "pause_reason": terms.reason,
        "paused_by": actor,
        "paused_until_at": terms.until,
        "pause_catch_up": terms.catch_up,
        "pause_set_id": None,
        "updated_at": now,
    }
    for name, value in values.items():
        setattr(job, name, value)
    job.save(update_fields=["state", "paused_at", *values])
