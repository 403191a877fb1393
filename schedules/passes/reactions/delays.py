"""After the end of a scheduled run of a job with a delay schedule: sets the job's next instant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from executions import runs
from executions.states import Origin
from schedules.clock.delay import next_after_run
from schedules.clock.spec import Kind
from schedules.models import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from schedules.passes.ended_runs import EndedRun


def schedule_after_delay(ended: Sequence[EndedRun], now: datetime) -> int:
    """Set the next instant of each job with a delay whose scheduled run has ended, or end the job's schedule."""
    for each in ended:
        if each.job and each.run.origin == Origin.SCHEDULE and each.run.finished_at and _waits_for_end(each.job):
            _set_next(each.job, each.run.finished_at)
    return 0


def _waits_for_end(job: Job) -> bool:
    return job.schedule_spec.kind is Kind.DELAY and job.next_run_at is None and job.state != JobState.ENDED


def _set_next(job: Job, finished_at: datetime) -> None:
    # If another scheduled run is live, the ended run is from before a change of the schedule. The end of the live run
    # then sets the next instant.
    if runs.has_live_scheduled_run(job.pk):
        return
    job.next_run_at = next_after_run(job.schedule_spec, finished_at, job.mark_at)
    if job.next_run_at is None:
        job.state = JobState.ENDED
    job.save(update_fields=["next_run_at", "state"])
    runs.wake_beat()
