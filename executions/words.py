"""What is said of runs in words, in the admin and in the ledger: reasons_by_part, origins, events, durations. No HTML, no queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from executions.states import REASON_SENTENCES, AttemptStatus, Origin, Reason, RunStatus
from values import instants

if TYPE_CHECKING:
    from datetime import datetime

    from executions.models import Run, RunEvent

ATTEMPT_LABELS = {
    AttemptStatus.SUCCEEDED: ("Succeeded", "success"),
    AttemptStatus.FAILED: ("Failed", "danger"),
    AttemptStatus.TIMED_OUT: ("Timed out", "danger"),
    AttemptStatus.CANCELLED: ("Cancelled", "default"),
    AttemptStatus.LOST: ("Worker lost", "warning"),
}
CANCELLATION_LABELS = {
    "job_deleted": "Cancelled: its job was deleted",
    "backfill_cancelled": "Cancelled: its backfill was cancelled",
    "overlap": "Cancelled: a later run takes its place",
    "terminated": "Terminated: a later run took its place",
}
ORIGIN_EXPLANATIONS = {
    Origin.SCHEDULE: "Its schedule named this instant.",
    Origin.MANUAL: "Somebody started it by hand.",
    Origin.RETRY: "Somebody retried an earlier run.",
    Origin.BACKFILL: "Somebody asked for this instant of the past to be carried out.",
    Origin.CHAIN: "A run of another job ended, which starts this one.",
}


def start_delay(run: Run) -> str:
    """From the nominal instant to the first start; and how much of it nobody meant, where the start was put off."""
    late, behind = run.start_delay(), run.delay_after_plan()
    return (
        instants.duration(late)
        if behind is None
        else f"{instants.duration(late)}, {instants.duration(behind)} after its planned start"
    )


def why(run: Run, now: datetime) -> str:
    """Why the run did, or did not, start: one or two sentences."""
    if run.status != RunStatus.SKIPPED:
        return ORIGIN_EXPLANATIONS[Origin(run.origin)]
    text = REASON_SENTENCES[Reason(run.reason)]
    if run.n_occurrences > 1 and run.last_nominal_at:
        first, last = instants.exact_text(run.nominal_at, now), instants.exact_text(run.last_nominal_at, now)
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
            return CANCELLATION_LABELS.get(happened.reason, "Cancelled")
        case RunStatus.SKIPPED:
            return "Recorded as not started"
        case "schedule_stopped":
            return f"The job's schedule had stopped ({happened.reason.replace('_', ' ')})"
        case "cancel_requested":
            return "Asked to stop"
        case _:
            return happened.kind
