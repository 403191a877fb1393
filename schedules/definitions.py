"""Making, changing and deleting jobs, and what becomes of the clock when a definition changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from django.db import transaction

from access.system import SYSTEM_SCOPE_ID
from executions import runs
from schedules import queries, tick
from schedules.clock.occurrences import next_after
from schedules.clock.spec import Kind, to_json
from schedules.clock.start import anchored, as_it_was, first_mark
from schedules.exceptions import JobGone
from schedules.models import Backfill, BackfillState, Job, JobState

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from schedules.clock.spec import ScheduleSpec
    from schedules.validation import Definition

log = structlog.get_logger(__name__)


def create(definition: Definition, now: datetime, *, actor: str) -> Job:
    """Make a job; its first occurrence is the first one after `now`."""
    job = Job(
        scope_id=SYSTEM_SCOPE_ID,
        name=definition.name,
        description=definition.description,
        created_at=now,
        updated_at=now,
    )
    with transaction.atomic():
        job.spec = _freeze(job.pk, definition, now)
        _set_clock(job, definition.schedule, now)
        job.save(force_insert=True)
        _watch(job)
        runs.wake_beat()
    log.info("job_created", action="create", job=str(job.pk), name=job.name, actor=actor)
    return job


def replace(job_id: UUID, definition: Definition, now: datetime, *, actor: str) -> Job:
    """Change a job. Occurrences up to `now` still follow the definition it had. Raises JobGone.

    A schedule that is set anew counts from `now`; one that stays as it was goes on undisturbed.
    """
    with transaction.atomic():
        job = lock(job_id)
        tick.settle(job_id, now)
        job.refresh_from_db()
        job.name, job.description, job.updated_at = definition.name, definition.description, now
        changed = ["name", "description", "updated_at"]
        if _is_changed(job.spec, definition):
            job.spec = _freeze(job.pk, definition, now)
            changed.append("spec")
        schedule = as_it_was(definition.schedule, job.schedule_spec)
        if to_json(schedule) != job.schedule:
            _set_clock(job, schedule, now)
            changed += ["schedule", "state", "mark_at", "next_run_at", "n_scheduled"]
        job.save(update_fields=changed)
        _watch(job)
        runs.wake_beat()
    log.info("job_changed", action="replace", job=str(job.pk), name=job.name, actor=actor)
    return job


def delete(job_id: UUID, now: datetime, *, actor: str) -> None:
    """Delete a job: its runs that have not begun are cancelled, those that run go on, its history stays. Raises JobGone."""
    with transaction.atomic():
        job = lock(job_id)
        runs.cancel_not_begun(job_id, now, actor=actor, reason="job_deleted")
        runs.watch(job_id, is_watched=False)
        job.delete()
        runs.supersede(job_id, now)
    log.info("job_deleted", action="delete", job=str(job_id), name=job.name, actor=actor)


def lock(job_id: UUID) -> Job:
    """Return a job under its row lock, for the rest of the transaction. Raises JobGone."""
    if not queries.lock_job(job_id):
        raise JobGone
    return Job.objects.select_related("spec").get(pk=job_id)


def _watch(job: Job) -> None:
    is_backfilled = Backfill.objects.filter(job_id=job.pk, state=BackfillState.OPEN).exists()
    runs.watch(job.pk, is_watched=job.policies.has_followers or is_backfilled)


def _set_clock(job: Job, schedule: ScheduleSpec, now: datetime) -> None:
    schedule = anchored(schedule, now)
    job.schedule = to_json(schedule)
    job.mark_at = first_mark(schedule, now)
    job.next_run_at = next_after(schedule, job.mark_at)
    job.n_scheduled = 0
    if job.state != JobState.PAUSED:
        job.state = JobState.ACTIVE if job.next_run_at or schedule.kind is Kind.NONE else JobState.ENDED


def _is_changed(spec: runs.RunSpec, definition: Definition) -> bool:
    return (spec.job_name, spec.target, spec.payload, spec.policies) != (
        definition.name,
        definition.target,
        definition.payload,
        definition.policies,
    )


def _freeze(job_id: UUID, definition: Definition, now: datetime) -> runs.RunSpec:
    return runs.freeze(
        {
            "job_id": job_id,
            "job_name": definition.name,
            "target_kind": definition.target["kind"],
            "target": definition.target,
            "payload": definition.payload,
            "policies": definition.policies,
        },
        now,
    )
