"""Backfills in the admin: the form of one, what it would open in words, and how far those of a job have come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from access.admin.badges import badge
from access.admin.lists import counted
from executions import history
from executions.policies import Overlap
from schedules.backfills import backfill
from schedules.clock.reading.members import read_instant
from schedules.models import Backfill, BackfillMode, BackfillState
from values import instants
from values.durations import read_duration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from django.utils.safestring import SafeString

    from schedules.models import Job

N_SHOWN = 10
FIELDS = ("after", "until", "mode", "pace", "overlap", "max_runs")
TONES = {BackfillState.OPEN: "primary", BackfillState.DONE: "success", BackfillState.CANCELLED: "default"}
OVERLAPS = {
    Overlap.BUFFER_ALL: "One after the other",
    Overlap.ALLOW: "Side by side, as far as limits allow",
    Overlap.BUFFER_ONE: "One runs and one waits; the others are skipped",
    Overlap.SKIP: "Skip those that come while another runs",
}
MOST_RUNS = 1_000_000


def form_context(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows, with what was posted."""
    return {
        "values": {name: str(values.get(name, "")) for name in FIELDS},
        "modes": BackfillMode.choices,
        "overlaps": [(policy.value, text) for policy, text in OVERLAPS.items()],
        "my_zone": str(timezone.get_current_timezone()),
    }


def read_wanted(values: Mapping[str, Any], now: datetime) -> backfill.BackfillRequest:
    """Read the form. Raises ValueError with a sentence; instants are in the viewer's zone."""
    until = str(values.get("until", "")).strip()
    mode, policy = str(values.get("mode", "")), str(values.get("overlap", ""))
    return backfill.BackfillRequest(
        after=_instant("The beginning", str(values.get("after", "")).strip()),
        until=_instant("The end", until) if until else now,
        mode=BackfillMode(mode) if mode in BackfillMode.values else BackfillMode.ALL,
        pace=_pace(str(values.get("pace", "")).strip()),
        overlap=Overlap(policy) if policy in OVERLAPS else Overlap.BUFFER_ALL,
        max_runs=_count(str(values.get("max_runs", "")).strip()),
    )


def foreseen(found: backfill.BackfillPreview, now: datetime) -> str:
    """What it would open, in words."""
    more = "more than " if found.is_more else ""
    text = f"The range holds {more}{counted(found.n_instants, 'instant')}; "
    if not found.n_would_start or found.first_at is None or found.last_at is None:
        return text + "no run will start."
    first, last = (instants.exact_text(at, now) for at in (found.first_at, found.last_at))
    return text + f"{counted(found.n_would_start, 'run')} will start, for {first} to {last}."


def progress(job: Job, now: datetime) -> dict[str, Any]:
    """How far the latest backfills of a job have come: one query for them, and one each for its runs."""
    found = Backfill.objects.filter(job_id=job.pk).order_by("-id")[:N_SHOWN]
    lines = [_line(each, now) for each in found]
    return {"backfills": lines, "live_after": 2 if any(line["is_going"] for line in lines) else 10}


def _line(each: Backfill, now: datetime) -> dict[str, Any]:
    counts = history.count_by_status(each.pk)
    n_live = history.count_live(each.pk)
    state = BackfillState(each.state)
    return {
        "id": each.pk,
        "badge": _badge(state),
        "range": (instants.exact_html(each.after_at, now), instants.exact_html(each.until_at, now)),
        "what": BackfillMode(each.mode).label,
        "pace": instants.duration(each.pace) if each.pace else "",
        "seen": f"{each.n_seen:,} of {each.n_instants:,}",
        "share": min(100, round(100 * each.n_seen / each.n_instants)) if each.n_instants else 100,
        "runs": ", ".join(f"{n:,} {status.value}" for status, n in sorted(counts.items())) or "none",
        "by": each.actor,
        "since": instants.relative_html(each.created_at, now),
        "is_going": state is BackfillState.OPEN or n_live > 0,
    }


def _badge(state: BackfillState) -> SafeString:
    return badge(str(state.label), TONES[state], "")


def _instant(name: str, text: str) -> datetime:
    if not text:
        raise ValueError(f"{name} is missing.")
    try:
        return read_instant(text, str(timezone.get_current_timezone()))
    except ValueError as error:
        raise ValueError(f"{name} {str(error).rstrip('.')}.") from error


def _pace(text: str) -> timedelta | None:
    try:
        return read_duration(text) if text else None
    except ValueError as error:
        raise ValueError(f"The pace {str(error).rstrip('.')}.") from error


def _count(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MOST_RUNS and len(text) < 9):
        raise ValueError(f"The number of runs lies between 1 and {MOST_RUNS:,}.")
    return int(text)
