"""Backfills in the admin: read the form, put the preview into words, and show the progress of a job's backfills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from access.admin.badges import badge
from access.admin.lists import counted
from access.admin.pages import IDLE_REFRESH_SECONDS, LIVE_REFRESH_SECONDS
from access.visibility import visible
from executions import history
from executions.policies import Overlap
from executions.states import LIVE
from schedules.admin.viewer_instants import input_type, read_viewer_instant
from schedules.backfills import backfill
from schedules.backfills.requests import MAX_RUNS, BackfillRequest
from schedules.models import Backfill, BackfillMode, BackfillState
from values import instants
from values.durations import read_duration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from access.visibility import Caller
    from executions.states import RunStatus
    from schedules.models import Job

MAX_BACKFILLS_SHOWN = 10  # the latest ones
BACKFILL_FIELDS = ("after", "until", "mode", "pace", "overlap", "max_runs")
TONES = {BackfillState.OPEN: "primary", BackfillState.DONE: "success", BackfillState.CANCELLED: "default"}
BACKFILL_OVERLAP_LABELS = {
    Overlap.BUFFER_ALL: "One after the other",
    Overlap.ALLOW: "Side by side, within the job's limits",
    Overlap.BUFFER_ONE: "One runs and one waits; the others are skipped",
    Overlap.SKIP: "Skip each run that is due while another runs",
}


def form_context(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form's choices, and the posted values to fill in again."""
    return {
        "values": {name: str(values.get(name, "")) for name in BACKFILL_FIELDS},
        "types": {name: input_type(str(values.get(name, ""))) for name in ("after", "until")},
        "modes": BackfillMode.choices,
        "overlaps": [(policy.value, text) for policy, text in BACKFILL_OVERLAP_LABELS.items()],
        "my_zone": str(timezone.get_current_timezone()),
    }


def read_request(values: Mapping[str, Any], now: datetime) -> BackfillRequest:
    """Read the form; its instants are in the viewer's time zone. Raises ValueError with a sentence for the user."""
    until = str(values.get("until", "")).strip()
    mode, policy = values.get("mode", BackfillMode.ALL), values.get("overlap", Overlap.BUFFER_ALL)
    return BackfillRequest(
        after=_start(str(values.get("after", "")).strip()),
        until=read_viewer_instant("The end", until) if until else now,
        mode=_mode(str(mode)),
        pace=_pace(str(values.get("pace", "")).strip()),
        overlap=_overlap(str(policy)),
        max_runs=_count(str(values.get("max_runs", "")).strip()),
    )


def preview_text(found: backfill.BackfillPreview, now: datetime) -> str:
    """Return what a backfill will start, in words."""
    more = "more than " if found.is_more else ""
    text = f"The range holds {more}{counted(found.n_instants, 'occurrence')}; "
    if not found.n_would_start or found.first_at is None or found.last_at is None:
        return text + "no run will start."
    first, last = (instants.exact_text(at, now) for at in (found.first_at, found.last_at))
    return text + f"{counted(found.n_would_start, 'run')} will start, for {first} to {last}."


def progress(job: Job, now: datetime, caller: Caller) -> dict[str, Any]:
    """Return the latest backfills of a job with their progress. Two queries."""
    found = list(visible(Backfill, caller).filter(job_id=job.pk).order_by("-id")[:MAX_BACKFILLS_SHOWN])
    counts = history.count_by_status([each.pk for each in found])
    lines = [_line(each, counts[each.pk], now) for each in found]
    is_live = any(line["is_live"] for line in lines)
    return {"backfills": lines, "live_after": LIVE_REFRESH_SECONDS if is_live else IDLE_REFRESH_SECONDS}


def _line(each: Backfill, counts: Mapping[RunStatus, int], now: datetime) -> dict[str, Any]:
    state = BackfillState(each.state)
    return {
        "id": each.pk,
        "badge": badge(str(state.label), TONES[state], ""),
        "range": (instants.exact_html(each.after_at, now), instants.exact_html(each.until_at, now)),
        "what": BackfillMode(each.mode).label,
        "pace": instants.duration(each.pace) if each.pace else "",
        "seen": f"{each.n_seen:,} of {each.n_instants:,}",
        "share": min(100, round(100 * each.n_seen / each.n_instants)) if each.n_instants else 100,
        "runs": ", ".join(f"{n:,} {status.value}" for status, n in sorted(counts.items())) or "none",
        "by": each.actor,
        "since": instants.relative_html(each.created_at, now),
        "is_live": state is BackfillState.OPEN or not LIVE.isdisjoint(counts),
    }


def _start(text: str) -> datetime:
    if not text:
        raise ValueError("The start is missing: enter a date and time.")
    return read_viewer_instant("The start", text)


def _mode(text: str) -> BackfillMode:
    if text not in BackfillMode.values:
        raise ValueError("The occurrences must be one of the choices of the list: choose again.")
    return BackfillMode(text)


def _overlap(text: str) -> Overlap:
    if text not in BACKFILL_OVERLAP_LABELS:
        raise ValueError("The overlap policy must be one of the choices of the list: choose again.")
    return Overlap(text)


def _pace(text: str) -> timedelta | None:
    try:
        return read_duration(text) if text else None
    except ValueError as error:
        raise ValueError(f"The pace {str(error).rstrip('.')}.") from error


def _count(text: str) -> int | None:
    if not text:
        return None
    # Check the length first: reading a number of a million digits takes seconds.
    if not (len(text) < 9 and text.isascii() and text.isdecimal() and 1 <= int(text) <= MAX_RUNS):
        raise ValueError(f"The number of runs must be between 1 and {MAX_RUNS:,}.")
    return int(text)
