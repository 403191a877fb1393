"""What people do to a job beside editing it: run it now, pause it, resume it."""

from __future__ import annotations

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
from values.json_values import find_unstorable

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

log = structlog.get_logger(__name__)

MAX_REASON = 255


def read_reason(text: str) -> str:
    """Return why a job is paused, as one line. Raises ValueError for what cannot be kept."""
    if problem := find_unstorable(text):
        raise ValueError(problem[1])
    reason = " ".join(text.split())
    if len(reason) > MAX_REASON:
        raise ValueError(f"This has {len(reason)} characters; at most {MAX_REASON} fit.")
    return reason


def run_now(job: Job, now: datetime, *, actor: str) -> runs.Run:
    """Start a run of the job, whatever its schedule, its state and its live runs, as soon as its limits allow.

    Raises CannotRead for a job whose policies nobody knows.
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
    reason: str = "",
    until: datetime | None = None,
    catch_up: Resumption = Resumption.NONE,
) -> Job:
    """Pause a job from now on; what was due before now still runs. Pausing a paused job changes all but its beginning.

    At `until` it is resumed with what `catch_up` says. Raises JobGone, and JobConflict for a job whose schedule has
    ended and that starts after no other.
    """
    with transaction.atomic():
        lock(job_id)
        tick.settle(job_id, now)
        job = lock(job_id)
        if job.state == JobState.ENDED and not chains.of(job_id):
            raise JobConflict("The job's schedule has ended: there is nothing to pause.")
        if job.state != JobState.PAUSED:
            job.state, job.paused_at = JobState.PAUSED, now
        terms = {
            "pause_reason": reason,
            "paused_by": actor,
            "paused_until_at": until,
            "pause_catch_up": catch_up,
            "pause_set_id": None,
            "updated_at": now,
        }
        for name, value in terms.items():
            setattr(job, name, value)
        job.save(update_fields=["state", "paused_at", *terms])
        if until:
            runs.wake_beat()
    log.info("job_paused", action="pause", job=str(job_id), actor=actor)
    return job


def resume(
    job_id: UUID,
    now: datetime,
    *,
    actor: str,
    catch_up: Resumption = Resumption.NONE,
    max_runs: int = DEFAULT_MAX_STARTS,
) -> Job:
    """End a job's pause: of the occurrences in it those start that `catch_up` says, up to `max_runs`; later ones run.

    Raises JobGone, JobConflict for a job that is not paused, and CannotRead for one whose schedule nobody knows.
    """
    with transaction.atomic():
        job = lock(job_id)
        resuming.refuse_unless_paused(job)
        resuming.end([job], now, actor=actor, catch_up=catch_up, max_runs=max_runs)
        return lock(job_id)
