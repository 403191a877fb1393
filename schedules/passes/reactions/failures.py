"""After a failed run: pauses the job if its latest `pause_after_failures` runs have all failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from executions import history
from executions.states import RunStatus
from schedules import tick
from schedules.models import Job, JobState
from schedules.pauses import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from schedules.passes.ended_runs import EndedRun

log = structlog.get_logger(__name__)


def pause_failing_jobs(ended: Sequence[EndedRun], now: datetime) -> int:
    """Pause each job whose latest n runs have all failed, where n is the job's policy `pause_after_failures`.

    Only runs that succeeded or failed count. After a resumption, only runs with a later nominal instant count.
    Returns 0, because this function opens no run.
    """
    jobs = {each.job.pk: each.job for each in ended if each.job and each.run.status == RunStatus.FAILED}
    limits = {
        job_id: max_failures
        for job_id, job in jobs.items()
        if job.state != JobState.PAUSED and (max_failures := job.policies.pause_after_failures) is not None
    }
    failing = history.jobs_failed_in_a_row({job_id: (n, jobs[job_id].resumed_at) for job_id, n in limits.items()})
    if failing:
        _pause([job for job in jobs.values() if job.pk in failing], limits, now)
    return 0


def _pause(jobs: Sequence[Job], n_failures: Mapping[UUID, int], now: datetime) -> None:
    # What was due before the pause still runs.
    for job in jobs:
        if not tick.is_settled(job, now):
            tick.settle(job.pk, now)
            job.refresh_from_db(from_queryset=Job.objects.select_related("spec"))
    reasons = {job.pk: _reason(n_failures[job.pk]) for job in jobs}
    paused = queries.pause_failing_jobs(reasons, now)
    for job in jobs:
        if job.pk in paused:
            # Make the pause visible to later reactions of this pass.
            job.state, job.paused_at, job.pause_reason = JobState.PAUSED, now, reasons[job.pk]
            log.info("job_paused", action="pause", job=str(job.pk), actor="")
            log.warning(
                "job_paused_after_failures",
                action="pause",
                job=str(job.pk),
                name=job.name,
                n_failures=n_failures[job.pk],
            )


def _reason(n_failures: int) -> str:
    return "The job's last run failed." if n_failures == 1 else f"The job's last {n_failures} runs failed."
