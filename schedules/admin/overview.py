"""The admin's first page: what ran, what runs, what failed and what comes next. Every query is capped by an index."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.urls import reverse

from executions import words
from executions.admin import shown
from executions.models import BY_INSTANT, Run, nominal_within
from executions.states import LABELS, TERMINAL, RunStatus
from schedules.models import Job, JobState, Stoppage
from schedules.passes.housekeeping import find_switched_off
from values import instants

if TYPE_CHECKING:
    from django.http import HttpRequest

DAY = timedelta(hours=24)
CAP = 10_000
N_ROWS = 8
STALE = timedelta(minutes=1)
COUNTED = (
    RunStatus.SUCCEEDED,
    RunStatus.FAILED,
    RunStatus.RUNNING,
    RunStatus.QUEUED,
    RunStatus.HELD,
    RunStatus.RETRYING,
    RunStatus.SKIPPED,
)


admin.site.index_title = "Overview"


def add_overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the first page shows, for those who may see it."""
    now = datetime.now(UTC)
    if request.user.has_perm("executions.view_run"):
        context |= {
            "tiles": [_tile(status, now) for status in COUNTED],
            "running": _runs(RunStatus.RUNNING, now),
            "failures": _runs(RunStatus.FAILED, now),
            "switched_off": find_switched_off(),
            "waits": Run.objects.filter(status=RunStatus.QUEUED, available_at__lt=now - STALE).exists(),
        }
    if request.user.has_perm("schedules.view_job"):
        due = Job.objects.filter(state=JobState.ACTIVE, next_run_at__isnull=False).order_by("next_run_at", "id")
        jobs = list(due[:N_ROWS])
        context |= {
            "stopped": _stopped(),
            "next_jobs": [{"job": job, "next": instants.time_html(job.next_run_at, now)} for job in jobs],
            "has_jobs": bool(jobs) or Job.objects.exists(),
            "is_late": any(job.next_run_at < now - STALE for job in jobs if job.next_run_at),
        }
    return context


def _stopped() -> list[Job]:
    """Jobs of which the watchdog has told that their schedule had stopped, and which are not over; the latest first."""
    told = Stoppage.objects.filter(over_at=None, raised_at__isnull=False).order_by("-found_at")
    by_id = Job.objects.in_bulk(list(dict.fromkeys(told.values_list("job_id", flat=True)[:N_ROWS])))
    return list(by_id.values())


def _tile(status: RunStatus, now: datetime) -> dict[str, Any]:
    """A count: of the last 24 hours for what is over, of all for what is not."""
    found = Run.objects.filter(status=status)
    if status in TERMINAL:
        found = found.filter(nominal_within(now - DAY, None, BY_INSTANT))
    n = found.order_by("-nominal_at")[: CAP + 1].values("pk").count()
    label, tone = LABELS[status]
    return {
        "label": label,
        "tone": tone if n else "default",
        "count": f"{CAP:,}+" if n > CAP else f"{n:,}",
        "url": f"{reverse('admin:executions_run_changelist')}?status={status.value}",
    }


def _runs(status: RunStatus, now: datetime) -> list[dict[str, Any]]:
    found = Run.objects.filter(status=status).select_related("spec").order_by(*BY_INSTANT)[:N_ROWS]
    return [
        {
            "url": shown.run_url(run.pk),
            "name": run.spec.job_name,
            "badge": shown.run_badge(run),
            "at": instants.time_html(run.finished_at or run.started_at, now),
            "took": words.duration(run.duration or (now - run.started_at if run.started_at else None)),
            "error": run.error,
        }
        for run in found
    ]
