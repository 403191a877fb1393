"""Jobs with limits, and runs that wait until the limits admit them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from executions import runs
from executions.models import Run
from tests.factories import NOW, make_job

if TYPE_CHECKING:
    from schedules.models import Job

MINUTE = timedelta(minutes=1)


def limited(name: str = "limited", **policies: Any) -> Job:
    return make_job(name, policies=policies)


def created(job: Job, minute: int = 0, **details: Any) -> Run:
    """Create a run of the job under its policies, as a tick does."""
    at = NOW + minute * MINUTE
    new = runs.NewRun(job.scope_id, job.pk, job.spec_id, nominal_at=at, **details)
    run_id = runs.open_scheduled([runs.apply_policies(new, job.policies)], at, published=False)[0]
    return Run.objects.select_related("spec").get(pk=run_id)


def statuses(*wanted: Run) -> list[str]:
    return [Run.objects.get(pk=run.pk).status for run in wanted]
