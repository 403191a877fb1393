"""What people do to a job beside editing it: run it now, pause it, resume it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from django.db import transaction

from executions import runs
from executions.states import Origin
from executions.targets.jsonsafe import find_flaw
from schedules import chains, tick
from schedules.clock.delay import next_due
from schedules.clock.occurrences import next_after
from schedules.clock.spec import Kind
from schedules.definitions import lock
from schedules.exceptions import JobConflict
from schedules.models import Job, JobState

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

log = structlog.get_logger(__name__)

MAX_REASON = 255


def read_reason(text: str) -> str:
    """Return why a job is paused, as one line. Raises ValueError for what cannot be kept."""
    if flaw := find_flaw(text):
        raise ValueError(flaw[1])
    reason = " ".join(text.split())
    if len(reason) > MAX_REASON:
        raise ValueError(f"This has {len(reason)} characters; at most {MAX_REASON} fit.")
    return reason


def run_now(job: Job, now: datetime, *, actor: str) -> runs.Run:
    """Start a run of the job, whatever its schedule, its state and its live runs, as soon as its limits allow."""
    new = runs.NewRun(job.scope_id, job.pk, job.spec_id, nominal_at=now, origin=Origin.MANUAL)
    run = runs.open_by_hand(new, job.policies, now, actor=actor)
    log.info("job_run_by_hand", action="run_now", job=str(job.pk), run=str(run.pk), actor=actor)
    return run


def pause(job_id: UUID, now: datetime, *, actor: str, reason: str = "") -> Job:
    """Pause a job from now on; what was due before now still runs. Pausing a paused job changes its reason.

    Raises JobGone, and JobConflict for a job whose schedule has ended and that starts after no other.
    """
    with transaction.atomic():
        lock(job_id)
        tick.settle(job_id, now)
        job = lock(job_id)
        if job.state == JobState.ENDED and not chains.of(job_id):
            raise JobConflict("The job's schedule has ended: there is nothing to pause.")
        if job.state != JobState.PAUSED:
            job.state, job.paused_at = JobState.PAUSED, now
        job.pause_reason, job.updated_at = reason, now
        job.save(update_fields=["state", "paused_at", "pause_reason", "updated_at"])
    log.info("job_paused", action="pause", job=str(job_id), actor=actor)
    return job


def resume(job_id: UUID, now: datetime, *, actor: str) -> Job:
    """Resume a paused job: occurrences up to now are recorded as paused, later ones run. Raises JobGone, JobConflict."""
    with transaction.atomic():
        job = lock(job_id)
        if job.state != JobState.PAUSED:
            raise JobConflict(f"The job is {job.state}, not paused.")
        spec, waits = job.schedule_spec, False
        if spec.kind is not Kind.DELAY:
            job.next_run_at = next_after(spec, job.mark_at)
        elif job.next_run_at is None:
            waits = runs.has_scheduled(job_id)
            job.next_run_at = None if waits else next_due(spec, now)
        is_over = job.next_run_at is None and spec.kind is not Kind.NONE and not waits
        job.state = JobState.ENDED if is_over else JobState.ACTIVE
        job.resumed_at, job.updated_at, job.paused_at, job.pause_reason = now, now, None, ""
        job.save(update_fields=["state", "next_run_at", "resumed_at", "paused_at", "pause_reason", "updated_at"])
        runs.wake_beat()
    log.info("job_resumed", action="resume", job=str(job_id), actor=actor)
    return job
