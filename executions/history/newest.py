"""Lists of the latest runs, and counts of runs. Each function makes one query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count, OuterRef, Subquery

from access.visibility import visible
from executions.models import BY_INSTANT, Run, nominal_within
from executions.states import LIVE, RunStatus

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from access.visibility import Caller


def runs_of_job(job_id: UUID, n: int, caller: Caller) -> list[Run]:
    """Return the latest `n` runs of a job with their definitions, the latest nominal instant first. One query."""
    return list(visible(Run, caller).select_related("spec").filter(job_id=job_id).order_by("-nominal_at")[:n])


def runs_with_status(status: RunStatus, n: int, caller: Caller) -> list[Run]:
    """Return the latest `n` runs with this status, by descending nominal instant. One query reads runs and specs."""
    runs = visible(Run, caller).filter(status=status).select_related("spec")
    return list(runs.order_by(*BY_INSTANT)[:n])


def latest_runs(jobs: QuerySet[Any], caller: Caller) -> dict[UUID, Run]:
    """Return the latest run of each job in a queryset of jobs, by job id. One query, which reads one run per job."""
    latest = visible(Run, caller).filter(job_id=OuterRef("pk")).order_by("-nominal_at").values("pk")[:1]
    return {run.job_id: run for run in visible(Run, caller).filter(pk__in=jobs.values(run=Subquery(latest)))}


def count_with_status(status: RunStatus, since: datetime | None, most: int, caller: Caller) -> int:
    """Count the runs with this status whose nominal instant is `since` or later (None: any), at most `most` runs."""
    found = visible(Run, caller).filter(status=status)
    if since is not None:
        found = found.filter(nominal_within(since, None, BY_INSTANT))
    return found.order_by("-nominal_at")[:most].values("pk").count()


def count_live_of_job(job_id: UUID, caller: Caller) -> dict[RunStatus, int]:
    """Return the number of a job's runs for each live status. Statuses without runs are left out."""
    live = visible(Run, caller).filter(job_id=job_id, status__in=LIVE)
    return {RunStatus(status): n for status, n in live.values_list("status").annotate(n=Count("id")).order_by()}


def has_waited_since(at: datetime, caller: Caller) -> bool:
    """Return whether there is a queued run whose `available_at` is earlier than `at`."""
    return visible(Run, caller).filter(status=RunStatus.QUEUED, available_at__lt=at).exists()
