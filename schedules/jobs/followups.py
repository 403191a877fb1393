"""Enables and disables the follow-ups of a job: work that a beat does when a run of the job has ended.

A job needs follow-ups if the end of a run may start another job or another run of the same job, continue a backfill, or
pause the job (`pause_after_failures`). For other jobs, the end of a run creates no follow-up. Exception: the end of
a run with a concurrency limit always creates a follow-up.
"""

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


def update(job_ids: Collection[UUID]) -> None:
    """Enable follow-ups for the jobs that need them, and disable them for all other jobs in `job_ids`.

    Call this inside a transaction, and lock jobs before the call, never after: the function calls `chains.lock`.
    """
    chains.lock()
    jobs = Job.objects.select_related("spec").in_bulk(job_ids)
    by_definition = {pk for pk, job in jobs.items() if are_needed_by(job)}
    needed = (chains.starts_any(job_ids) | _with_open_backfill(job_ids) | by_definition) & jobs.keys()
    runs.enable_followups(needed)
    runs.disable_followups(set(job_ids) - needed)


def are_needed_by(job: Job) -> bool:
    """Return whether the job's schedule, its policies or the occurrences left from its last pause need follow-ups.

    Also True if the schedule or the policies cannot be read. Ignores chains and backfills. No query.
    """
    schedule, policies = job.known_schedule, value_or_none(job.readable_policies)
    if schedule is None or policies is None:
        return True  # a beat of another version may be able to read the schedule and the policies
    return schedule.kind is Kind.DELAY or policies.needs_followups or _has_chosen_runs_left(job, policies)


def _with_open_backfill(job_ids: Collection[UUID]) -> set[UUID]:
    return set(Backfill.objects.filter(job_id__in=job_ids, state=BackfillState.OPEN).values_list("job_id", flat=True))


def _has_chosen_runs_left(job: Job, policies: JobPolicies) -> bool:
    """Return whether some occurrences during the last pause must still start, one after another.

    `catch_up` chose these occurrences when the pause ended.
    """
    chosen_until = job.catch_up_until_at
    return (
        chosen_until is not None and chosen_until > job.mark_at and policies.overlap_after_pause is Overlap.BUFFER_ALL
    )
