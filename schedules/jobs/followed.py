"""Which jobs are watched: those of which something follows when one of their runs ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from executions import runs
from executions.policies import Overlap
from schedules.clock.spec import Kind
from schedules.jobs import chains
from schedules.models import Backfill, BackfillState, Job
from values.readable import value_or_none

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from schedules.policies import JobPolicies


def review(job_ids: Collection[UUID]) -> None:
    """Have these jobs watched as long as something follows, and no longer. Inside a transaction; it takes `chains.lock`."""
    chains.lock()
    jobs = Job.objects.select_related("spec").in_bulk(job_ids)
    watched = chains.starts_any(job_ids) | _backfilled(job_ids) | {pk for pk, job in jobs.items() if is_followed(job)}
    watched &= jobs.keys()
    runs.enable_followups(watched)
    runs.disable_followups(set(job_ids) - watched)


def is_followed(job: Job) -> bool:
    """Whether its definition says that something follows when a run ends; chains and backfills aside. It reads nothing."""
    schedule, policies = value_or_none(job.readable_schedule), value_or_none(job.readable_policies)
    if schedule is None or policies is None:
        return True  # somebody looks, who may be able to read it
    return schedule.kind is Kind.DELAY or policies.has_followers or _waits_after_pause(job, policies)


def _backfilled(job_ids: Collection[UUID]) -> set[UUID]:
    """Those of these jobs with a backfill that is not over."""
    return set(Backfill.objects.filter(job_id__in=job_ids, state=BackfillState.OPEN).values_list("job_id", flat=True))


def _waits_after_pause(job: Job, policies: JobPolicies) -> bool:
    """Whether runs are still to be opened, one to wait for the other, of those that whoever ended a pause chose."""
    chosen_until = job.catch_up_until_at
    return chosen_until is not None and chosen_until > job.mark_at and policies.overlap is not Overlap.ALLOW
