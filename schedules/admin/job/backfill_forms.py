"""Backfills in the admin: reads the form, and describes a preview and the progress of a job's backfills in words."""

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

MAX_BACKFILLS_SHOWN = 10  # the latest backfills
BACKFILL_FIELDS = ("after", "until", "mode", "pace", "overlap", "max_runs")
TONES = {BackfillState.OPEN: "primary", BackfillState.DONE: "success", BackfillState.CANCELLED: "default"}
BACKFILL_OVERLAP_LABELS = {
    Overlap.BUFFER_ALL: "One after the other",
    Overlap.ALLOW: "At the same time, within the job's limits",
    Overlap.BUFFER_ONE: "Hold one run while another is live, skip further runs",
    Overlap.SKIP: "Skip every run while another is live",
}


def form_context(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the context of the form: its choices, the posted values, and the viewer's time zone."""
    return {
        "values": {name: str(values.get(name, "")) for name in BACKFILL_FIELDS},
        "types": {name: input_type(str(values.get(name, ""))) for name in ("after", "until")},
        "modes": BackfillMode.choices,
        "overlaps": [(policy.value, text) for policy, text in BACKFILL_OVERLAP_LABELS.items()],
        "my_zone": str(timezone.get_current_timezone()),
    }


def read_request(values: Mapping[str, Any], now: datetime) -> BackfillRequest:
    """Return the backfill that the form describes. The form's instants are in the viewer's time zone.

    Raises ValueError with a sentence for the user.
    """
    until = str(values.get("until", "")).strip()
    mode, policy = values.get("mode", BackfillMode.ALL), values.get("overlap", Overlap.BUFFER_ALL)
    return BackfillRequest(
        after=_start(str(values.get("after", "")).strip()),
        until=read_viewer_instant("“Up to”", until) if until else now,
        mode=_mode(str(mode)),
        pace=_pace(str(values.get("pace", "")).strip()),
        overlap=_overlap(str(policy)),
        max_runs=_count(str(values.get("max_runs", "")).strip()),
    )


def preview_text(found: backfill.BackfillPreview, now: datetime) -> str:
    """Return a sentence on the occurrences in the range, and on the runs that the backfill will start."""
    more = "more than " if found.is_more else ""
    text = f"The range has {more}{counted(found.n_instants, 'occurrence')}; "
    if not found.n_would_start or found.first_at is None or found.last_at is None:
        for_which = f" for the first {found.n_instants:,}" if found.may_start_more else ""
        return f"{text}the backfill will create no run{for_which}."
    first, last = (instants.exact_text(at, now) for at in (found.first_at, found.last_at))
    if found.may_start_more:
        n_runs = counted(found.n_would_start, "run")
        return f"{text}the backfill will create {n_runs} or more, the first one scheduled for {first}."
    when = f"for {first}" if first == last else f"from {first} to {last}"
    return text + f"the backfill will create {counted(found.n_would_start, 'run')}, scheduled {when}."


def progress(job: Job, now: datetime, caller: Caller) -> dict[str, Any]:
    """Return the latest backfills of a job with their progress. Makes two queries."""
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
        raise ValueError("“After” is empty: enter a date and time.")
    return read_viewer_instant("“After”", text)


def _mode(text: str) -> BackfillMode:
    if text not in BackfillMode.values:
        raise ValueError("“Occurrences” must be one of the choices in the list: choose again.")
    return BackfillMode(text)


def _overlap(text: str) -> Overlap:
    if text not in BACKFILL_OVERLAP_LABELS:
        raise ValueError("“Overlap” must be one of the choices in the list: choose again.")
    return Overlap(text)


def _pace(text: str) -> timedelta | None:
    try:
        return read_duration(text) if text else None
    except ValueError as error:
        raise ValueError(f"“Pace” {str(error).rstrip('.')}.") from error


def _count(text: str) -> int | None:
    if not text:
        return None
    # Check the length first: parsing a number of a million digits takes seconds.
    if not (len(text) < 9 and text.isascii() and text.isdecimal() and 1 <= int(text) <= MAX_RUNS):
        raise ValueError(f"“Limit” must be a whole number from 1 to {MAX_RUNS:,}.")
    return int(text)
