"""Which jobs are watched: those of which something follows when one of their runs ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from executions import runs
from executions.overlap import Overlap
from executions.stored import known
from schedules import chains
from schedules.clock.spec import Kind
from schedules.models import Backfill, BackfillState, Job

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from schedules.policies import JobPolicies


def review(job_ids: Collection[UUID]) -> None:
    """Have these jobs watched as long as something follows, and no longer. Inside a transaction; it takes `chains.lock`."""
    chains.lock()
    jobs = Job.objects.select_related("spec").in_bulk(job_ids)
    starts_others = chains.starts_any(job_ids)
    for job_id in job_ids:
        job = jobs.get(job_id)
        runs.watch(job_id, is_watched=job is not None and (job_id in starts_others or is_followed(job)))


def is_followed(job: Job) -> bool:
    """Whether something follows when a run of the job ends, apart from other jobs that start after it."""
    return is_followed_anew(job) or Backfill.objects.filter(job_id=job.pk, state=BackfillState.OPEN).exists()


def is_followed_anew(job: Job) -> bool:
    """The same for a job that is being made: what its definition alone says. It reads nothing."""
    schedule, policies = known(job.readable_schedule), known(job.readable_policies)
    if schedule is None or policies is None:
        return True  # somebody looks, who may be able to read it
    return schedule.kind is Kind.DELAY or policies.has_followers or _waits_after_pause(job, policies)


def _waits_after_pause(job: Job, policies: JobPolicies) -> bool:
    """Whether runs are still to be opened, one to wait for the other, of those that whoever ended a pause chose."""
    chosen_until = job.catch_up_until_at
    return chosen_until is not None and chosen_until > job.mark_at and policies.overlap is not Overlap.ALLOW
