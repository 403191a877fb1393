"""The admin's first page: counts of runs by status, running runs, failed runs, jobs due next, and warnings.

All queries use an index.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin

from access.visibility import Action, caller_of, may, visible
from executions.admin import rows_with_status, tile
from executions.history import has_waited_since
from executions.runs import Run
from executions.states import RunStatus
from schedules.models import Job, JobState, Stoppage, beat_problems, living_beats
from schedules.passes.housekeeping import find_switched_off
from schedules.zone_data import versions
from values import clock, instants

if TYPE_CHECKING:
    from django.http import HttpRequest

    from access.visibility import Caller

DAY = timedelta(hours=24)
MAX_ROWS = 8  # of each table: all tables fit on one screen
MAX_WAIT = timedelta(minutes=1)  # warn if a job is overdue or a run is queued for longer; about a second is normal
TILES = (
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
    """Add to `context` those contents of the overview page that the caller may see, and return `context`."""
    now, caller = clock.now(), caller_of(request)
    if may(caller, Action.VIEW, Run):
        context |= {
            "tiles": [tile(status, now, DAY, caller) for status in TILES],
            "running": rows_with_status(RunStatus.RUNNING, now, MAX_ROWS, caller),
            "failures": rows_with_status(RunStatus.FAILED, now, MAX_ROWS, caller),
            "switched_off": find_switched_off(caller),
            "waits": has_waited_since(now - MAX_WAIT, caller),
        }
    if may(caller, Action.VIEW, Job):
        seen, beats, zone_data = visible(Job, caller), living_beats(now), versions.present()
        due = seen.filter(state=JobState.ACTIVE, next_run_at__isnull=False).order_by("next_run_at", "id")
        jobs = list(due[:MAX_ROWS])
        context |= {
            "stopped": _stopped(caller),
            "beat_problems": beat_problems(beats, with_names=True),
            "next_jobs": [{"job": job, "next": instants.time_html(job.next_run_at, now)} for job in jobs],
            "has_jobs": bool(jobs) or seen.exists(),
            "zone_data": zone_data,
            "other_zone_data": sorted({beat.zone_data for beat in beats if beat.zone_data not in ("", zone_data)}),
            "is_late": any(job.next_run_at < now - MAX_WAIT for job in jobs if job.next_run_at),
        }
    return context


def _stopped(caller: Caller) -> list[Job]:
    """Return the jobs whose open stoppage the watchdog has reported, the latest stoppage first.

    Reads up to `MAX_ROWS` stoppages that the caller may see. Two queries.
    """
    reported = visible(Stoppage, caller).filter(over_at=None, raised_at__isnull=False).order_by("-found_at")
    ids = list(dict.fromkeys(reported.values_list("job_id", flat=True)[:MAX_ROWS]))
    by_id = visible(Job, caller).in_bulk(ids)
    return [by_id[job_id] for job_id in ids if job_id in by_id]
