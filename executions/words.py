"""What is said of runs in words, in the admin and in the ledger: reasons, origins, events, durations. No HTML, no queries."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from executions.states import AttemptStatus, Origin, Reason, RunStatus
from values.instants import TIME_UNITS, exact_text

if TYPE_CHECKING:
    from datetime import datetime

    from executions.models import Run, RunEvent

ORIGINS = {
    Origin.SCHEDULE: "Schedule",
    Origin.MANUAL: "By hand",
    Origin.RETRY: "Retry",
    Origin.BACKFILL: "Backfill",
    Origin.CHAIN: "Another job",
}
REASONS = {
    Reason.OVERLAP: "Overlap",
    Reason.PAUSED: "Paused",
    Reason.COALESCED: "Folded into another run",
    Reason.MISSED: "Missed",
    Reason.OVER_LIMIT: "Over the limit",
    Reason.RATE_LIMITED: "Rate limited",
    Reason.EXPIRED: "Too late",
    Reason.FEATURE_OFF: "Feature off",
}
WHY_NOT = {
    Reason.OVERLAP: "It did not start, because the job's previous run was not over yet.",
    Reason.PAUSED: "It did not start, because the job was paused at that instant.",
    Reason.COALESCED: "It was missed while no beat was running, and another run stands in for it.",
    Reason.MISSED: "It was missed while no beat was running, and was too old, one of too many, or not wanted.",
    Reason.OVER_LIMIT: "It did not start, because as many runs as may were going on, or waiting, already.",
    Reason.RATE_LIMITED: "It did not start, because it came sooner after others than the rate limit allows.",
    Reason.EXPIRED: "It did not start, because no worker had begun it by its start deadline.",
    Reason.FEATURE_OFF: "It did not start, because the job's feature flag was off.",
}
ATTEMPTS = {
    AttemptStatus.SUCCEEDED: ("Succeeded", "success"),
    AttemptStatus.FAILED: ("Failed", "danger"),
    AttemptStatus.TIMED_OUT: ("Timed out", "danger"),
    AttemptStatus.CANCELLED: ("Cancelled", "default"),
    AttemptStatus.LOST: ("Worker lost", "warning"),
}
CANCELLED = {
    "job_deleted": "Cancelled: its job was deleted",
    "backfill_cancelled": "Cancelled: its backfill was cancelled",
    "overlap": "Cancelled: a later run takes its place",
    "terminated": "Terminated: a later run took its place",
}
WHY = {
    Origin.SCHEDULE: "Its schedule named this instant.",
    Origin.MANUAL: "Somebody started it by hand.",
    Origin.RETRY: "Somebody retried an earlier run.",
    Origin.BACKFILL: "Somebody asked for this instant of the past to be carried out.",
    Origin.CHAIN: "A run of another job ended, which starts this one.",
}


def lateness(run: Run) -> str:
    """From the nominal instant to the first start; and how much of it nobody meant, where the start was put off."""
    late, behind = run.lateness(), run.behind_plan()
    return duration(late) if behind is None else f"{duration(late)}, {duration(behind)} after its planned start"


def duration(length: timedelta | None) -> str:
    """`250 ms`, `4.2 s`, `3 min 5 s`, `2 d 4 h`; a dash for None. At most two units."""
    if length is None:
        return "–"
    sign, length = ("−", -length) if length < timedelta(0) else ("", length)
    seconds = length.total_seconds()
    if seconds < 1:
        return f"{sign}{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{sign}{seconds:.1f}".removesuffix(".0") + " s"
    rest, parts = timedelta(seconds=round(seconds)), []
    for unit, name in TIME_UNITS:
        count, rest = divmod(rest, unit)
        if count:
            parts.append(f"{count} {name}")
        elif parts:
            break
    return sign + " ".join(parts[:2])


def why(run: Run, now: datetime) -> str:
    """Why the run did, or did not, start: one or two sentences."""
    if run.status != RunStatus.SKIPPED:
        return WHY[Origin(run.origin)]
    text = WHY_NOT[Reason(run.reason)]
    if run.n_occurrences > 1 and run.last_nominal_at:
        first, last = exact_text(run.nominal_at, now), exact_text(run.last_nominal_at, now)
        text += f" This row stands for {run.n_occurrences:,} occurrences, from {first} to {last}."
    return text


def event(happened: RunEvent, *, is_first: bool) -> str:
    """What an event of a run says, in a few words."""
    match happened.kind:
        case RunStatus.HELD:
            return "Created, and held until other runs are over or a limit allows it"
        case RunStatus.QUEUED:
            if is_first:
                return "Created, and waiting for a worker"
            return (
                "Its worker was lost: waiting for another one" if happened.reason == "lost" else "Waiting for a worker"
            )
        case RunStatus.RUNNING:
            return f"Attempt {happened.attempt} started"
        case RunStatus.RETRYING:
            return f"Attempt {happened.attempt} failed: a retry follows"
        case RunStatus.SUCCEEDED:
            return "Succeeded"
        case RunStatus.FAILED:
            return f"Failed for good after {happened.attempt} attempt{'' if happened.attempt == 1 else 's'}"
        case RunStatus.CANCELLED:
            return CANCELLED.get(happened.reason, "Cancelled")
        case RunStatus.SKIPPED:
            return "Recorded as not started"
        case "schedule_stopped":
            return f"The job's schedule had stopped ({happened.reason.replace('_', ' ')})"
        case "cancel_requested":
            return "Asked to stop"
        case _:
            return happened.kind
