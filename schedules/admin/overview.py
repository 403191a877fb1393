"""The admin's first page: what ran, what runs, what failed and what comes next. Every query is capped by an index."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin

from executions.admin import rows_with_status, tile
from executions.history import has_waited_since
from executions.states import RunStatus
from schedules.models import Job, JobState, Stoppage
from schedules.passes.housekeeping import find_switched_off
from values import instants

if TYPE_CHECKING:
    from django.http import HttpRequest

DAY = timedelta(hours=24)
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
            "tiles": [tile(status, now, DAY) for status in COUNTED],
            "running": rows_with_status(RunStatus.RUNNING, now, N_ROWS),
            "failures": rows_with_status(RunStatus.FAILED, now, N_ROWS),
            "switched_off": find_switched_off(),
            "waits": has_waited_since(now - STALE),
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
