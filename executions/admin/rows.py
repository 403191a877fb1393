"""Builds table rows of runs for the page of a job and for the overview. Also builds the overview's tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse

from executions import words
from executions.admin.shown import run_badge, run_url
from executions.history import count_with_status, runs_of_job, runs_with_status, waiting_reasons
from executions.states import LIVE, STATUS_LABELS, TERMINAL, RunStatus, origin_label
from values import instants
from values.durations import elapsed

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from access.visibility import Caller
    from executions.models import Run

MAX_COUNT = 10_000  # maximum number of runs that a tile counts; a larger number is shown as `10,000+`


def tile(status: RunStatus, now: datetime, window: timedelta, caller: Caller) -> dict[str, Any]:
    """Return a tile of the overview. The tile counts the runs with this status.

    For a live status, the tile counts all runs. For a terminal status, it counts only runs whose nominal instant is at
    most `window` before `now`.
    """
    since = now - window if status in TERMINAL else None
    n = count_with_status(status, since, MAX_COUNT + 1, caller)
    label, tone = STATUS_LABELS[status]
    return {
        "label": label,
        "tone": tone if n else "default",
        "count": f"{MAX_COUNT:,}+" if n > MAX_COUNT else f"{n:,}",
        "url": f"{reverse('admin:executions_run_changelist')}?status={status.value}",
    }


def rows_with_status(status: RunStatus, now: datetime, n: int, caller: Caller) -> list[dict[str, Any]]:
    """Return the latest `n` runs with this status, as rows of the overview."""
    return [
        {
            "url": run_url(run.pk),
            "name": run.spec.job_name,
            "badge": run_badge(run),
            "at": instants.time_html(run.finished_at or run.started_at, now),
            "took": instants.duration(elapsed(run.started_at, run.finished_at or now) if run.started_at else None),
            "error": run.error,
        }
        for run in runs_with_status(status, n, caller)
    ]


def rows_of_job(job_id: UUID, now: datetime, n: int, caller: Caller) -> tuple[list[dict[str, Any]], bool]:
    """Return the latest `n` runs of a job as rows of the job's page, and whether any of these runs is live."""
    runs = runs_of_job(job_id, n, caller)
    waits = waiting_reasons(runs, now)
    for run in runs:
        run.now = now  # type: ignore[attr-defined]  # the instant against which the page shows durations
    return [_row(run, now, waits.get(run.pk, "")) for run in runs], any(run.status in LIVE for run in runs)


def _row(run: Run, now: datetime, waits: str) -> dict[str, Any]:
    return {
        "id": run.pk,
        "url": run_url(run.pk),
        "badge": run_badge(run),
        "nominal": instants.time_html(run.nominal_at, now),
        "planned": instants.exact_html(run.planned_at, now) if run.planned_at else "",
        "late": instants.duration(run.unplanned_delay()) if run.started_at else "",
        "took": instants.duration(run.duration) if run.duration is not None else "",
        "attempts": run.n_attempts or "",
        "worker": run.worker,
        "origin": origin_label(run.origin),
        "note": words.note(run, waits),
    }
