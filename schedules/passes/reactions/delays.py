"""Sets the next instant of a job with a delay schedule, after a scheduled run of the job has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from executions import runs
from executions.states import Origin
from schedules import queries
from schedules.clock.delay import next_after_run
from schedules.clock.spec import Kind
from schedules.models import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from schedules.passes.ended_runs import EndedRun


def schedule_after_delay(ended: Sequence[EndedRun], now: datetime) -> int:
    """For each job with a delay schedule: after the end of a scheduled run, set the job's next instant.

    A job is left out if it has ended, already has a next instant, or has another live scheduled run. If the schedule
    has no further instant, the job's state becomes `ended`.
    """
    first_ends: dict[UUID, tuple[Job, datetime]] = {}
    for each in ended:
        if each.job and each.run.origin == Origin.SCHEDULE and each.run.finished_at and _waits_for_end(each.job):
            first_ends.setdefault(each.job.pk, (each.job, each.run.finished_at))
    # If another scheduled run of a job is live, the ended run is from before a change of the schedule. The end of the
    # live run then sets the next instant.
    still_waiting = runs.jobs_with_live_scheduled_run(first_ends)
    _set_next([end for job_id, end in first_ends.items() if job_id not in still_waiting])
    return 0


def _waits_for_end(job: Job) -> bool:
    return job.schedule_spec.kind is Kind.DELAY and job.next_run_at is None and job.state != JobState.ENDED


def _set_next(ends: Sequence[tuple[Job, datetime]]) -> None:
    if not ends:
        return
    for job, finished_at in ends:
        job.next_run_at = next_after_run(job.schedule_spec, finished_at, job.mark_at)
        if job.next_run_at is None:
            job.state = JobState.ENDED
    queries.advance([_clock_of(job) for job, _ in ends])
    runs.wake_beat()


def _clock_of(job: Job) -> queries.Advance:
    return queries.Advance(
        id=job.pk,
        mark_at=job.mark_at,
        next_run_at=job.next_run_at,
        n_scheduled=job.n_scheduled,
        caught_up_at=job.caught_up_at,
        catch_up_begun=job.catch_up_begun,
        state=job.state,
        zone_data=job.zone_data,
    )
