"""The latest runs, of a job or of all, in fixed numbers of queries that read about as many rows as they return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count, OuterRef, Subquery

from executions.models import BY_INSTANT, Run, nominal_within
from executions.states import LIVE, RunStatus

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet


def runs_of_job(job_id: UUID, n: int) -> list[Run]:
    """Return the latest `n` runs of a job with their definitions, the latest nominal instant first. One query."""
    return list(Run.objects.select_related("spec").filter(job_id=job_id).order_by("-nominal_at")[:n])


def runs_with_status(status: RunStatus, n: int) -> list[Run]:
    """Return the latest `n` runs with a status, with their definitions, the latest nominal instant first. One query."""
    return list(Run.objects.filter(status=status).select_related("spec").order_by(*BY_INSTANT)[:n])


def latest_runs(jobs: QuerySet[Any]) -> dict[UUID, Run]:
    """Return the latest run of each job in a queryset of jobs, by job id. One query, however long the histories are."""
    latest = Run.objects.filter(job_id=OuterRef("pk")).order_by("-nominal_at").values("pk")[:1]
    return {run.job_id: run for run in Run.objects.filter(pk__in=jobs.values(run=Subquery(latest)))}


def count_with_status(status: RunStatus, since: datetime | None, most: int) -> int:
    """Count the runs with a status whose nominal instant is `since` or later (None: all), up to `most`."""
    found = Run.objects.filter(status=status)
    if since is not None:
        found = found.filter(nominal_within(since, None, BY_INSTANT))
    return found.order_by("-nominal_at")[:most].values("pk").count()


def count_live_of_job(job_id: UUID) -> dict[RunStatus, int]:
    """Return how many runs of a job have each live status; statuses without runs are left out."""
    counted = Run.objects.filter(job_id=job_id, status__in=LIVE).values_list("status").annotate(n=Count("id"))
    return {RunStatus(status): n for status, n in counted.order_by()}


def has_waited_since(at: datetime) -> bool:
    """Return whether a queued run could have started before `at` and no worker has claimed it."""
    return Run.objects.filter(status=RunStatus.QUEUED, available_at__lt=at).exists()
