"""After a failed run of a job with `pause_after_failures`: pauses the job if that number of runs failed in a row."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from executions import runs
from executions.states import RunStatus
from schedules import triggers
from schedules.exceptions import JobConflict
from schedules.models import Job, JobState
from schedules.pauses.terms import PauseTerms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from schedules.passes.ended_runs import EndedRun

log = structlog.get_logger(__name__)


def pause_failing_jobs(ended: Sequence[EndedRun], now: datetime) -> int:
    """Pause each job whose latest `pause_after_failures` runs have all failed since the job was last resumed."""
    for each in ended:
        if each.job and each.run.status == RunStatus.FAILED and each.job.state != JobState.PAUSED:
            max_failures = each.job.policies.pause_after_failures
            if max_failures is not None and _have_failed(each.job, max_failures):
                _pause(each.job, max_failures, now)
    return 0


def _have_failed(job: Job, n_runs: int) -> bool:
    """Whether the latest `n_runs` runs since the job was last resumed have all failed. Cancelled runs do not count."""
    latest = runs.Run.objects.filter(job_id=job.pk, status__in=(RunStatus.SUCCEEDED, RunStatus.FAILED))
    if job.resumed_at:
        latest = latest.filter(nominal_at__gt=job.resumed_at)
    statuses = list(latest.order_by("-nominal_at").values_list("status", flat=True)[:n_runs])
    return len(statuses) == n_runs and set(statuses) == {RunStatus.FAILED}


def _pause(job: Job, n_failures: int, now: datetime) -> None:
    reason = "Its last run failed." if n_failures == 1 else f"Its last {n_failures} runs failed."
    # JobConflict: settling the job has ended its schedule, and no other job starts it. There is nothing to pause.
    with suppress(JobConflict):
        triggers.pause(job.pk, now, actor="", terms=PauseTerms(reason))
        log.warning("job_paused_after_failures", action="pause", job=str(job.pk), name=job.name, n_failures=n_failures)
    # Make the pause visible to later ended runs of this pass, and to later reactions.
    job.refresh_from_db(from_queryset=Job.objects.select_related("spec"))
