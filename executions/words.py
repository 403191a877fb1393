"""Texts about runs for the admin: attempts, events, delays, reasons. This module uses no HTML and no queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from executions.states import (
    AttemptStatus,
    CancelReason,
    EventKind,
    Origin,
    QueueReason,
    RunStatus,
    in_words,
    reason_label,
    reason_sentence,
)
from values import instants

if TYPE_CHECKING:
    from datetime import datetime

    from executions.models import Run, RunEvent

# Label and colour (a name from the admin theme's palette) of each attempt status.
ATTEMPT_LABELS: dict[str, tuple[str, str]] = {
    AttemptStatus.SUCCEEDED: ("Succeeded", "success"),
    AttemptStatus.FAILED: ("Failed", "danger"),
    AttemptStatus.TIMED_OUT: ("Timed out", "danger"),
    AttemptStatus.CANCELLED: ("Cancelled", "default"),
    AttemptStatus.LOST: ("Worker lost", "warning"),
}
# Texts of a `queued` event and of a `cancelled` event, by the reason of the event.
QUEUE_LABELS: dict[str, str] = {
    QueueReason.LOST: "Worker lost, queued again",
    QueueReason.GIVEN_BACK: "Returned by the worker before the start, queued again",
}
CANCELLATION_LABELS: dict[str, str] = {
    CancelReason.JOB_DELETED: "Cancelled: the job was deleted",
    CancelReason.BACKFILL_CANCELLED: "Cancelled: the backfill was cancelled",
    CancelReason.OVERLAP: "Cancelled: replaced by a newer run",
    CancelReason.TERMINATED: "Terminated: replaced by a newer run",
}
ORIGIN_EXPLANATIONS: dict[str, str] = {
    Origin.SCHEDULE: "This run was created for an occurrence of the job's schedule.",
    Origin.MANUAL: "This run was requested by hand or through the API.",
    Origin.RETRY: "This run repeats an earlier run.",
    Origin.BACKFILL: "A backfill created this run for a past time.",
    Origin.CHAIN: "This run was created because a run of another job ended.",
}


def start_delay(run: Run) -> str:
    """Return the time from the nominal instant to the first attempt, such as `2 min`; a dash before that attempt.

    If the run has a planned start, the text names that delay too: `2 min (300 ms after the planned start)`.
    """
    late, after_plan = instants.duration(run.start_delay()), run.delay_after_plan()
    return late if after_plan is None else f"{late} ({instants.duration(after_plan)} after the planned start)"


def why(run: Run, now: datetime) -> str:
    """Return why the run was created, or why it was skipped, in one to three sentences."""
    if run.status != RunStatus.SKIPPED:
        return ORIGIN_EXPLANATIONS.get(run.origin, f"The run's origin is “{in_words(run.origin)}”.")
    text = reason_sentence(run.reason)
    if run.n_occurrences > 1 and run.last_nominal_at:
        first, last = instants.exact_text(run.nominal_at, now), instants.exact_text(run.last_nominal_at, now)
        text += f" This record covers {run.n_occurrences:,} occurrences, from {first} to {last}."
    return text


def note(run: Run, waits: str) -> str:
    """Return the note for a run in a list of runs: why the run was skipped, the text `waits`, or the run's error.

    Return an empty text if there is nothing to note.
    """
    text = reason_label(run.reason) if run.reason else waits or run.error or run.error_code
    return f"{text} ({run.n_occurrences:,} occurrences)".lstrip() if run.n_occurrences > 1 else text


def attempt_label(status: str) -> tuple[str, str]:
    """Return the label and colour of an attempt status, even of one that this version does not know."""
    return ATTEMPT_LABELS.get(status) or (in_words(status).capitalize(), "default")


def event(happened: RunEvent, *, is_first: bool) -> str:
    """Return an event of a run as a short text. If this version does not know the event's kind, return the kind."""
    kinds: list[RunStatus | EventKind] = [*RunStatus, *EventKind]
    kind = next((each for each in kinds if each == happened.kind), None)
    match kind:
        case None:
            return happened.kind
        case EventKind.SCHEDULE_STOPPED:
            return f"The watchdog found that the job's schedule had stopped ({in_words(happened.reason)})"
        case EventKind.CANCEL_REQUESTED:
            return "Cancellation requested"
        case RunStatus.HELD:
            return "Created and held: other runs or a limit prevent the start"
        case RunStatus.QUEUED:
            if is_first:
                return "Created and queued"
            return QUEUE_LABELS.get(happened.reason, "Queued")
        case RunStatus.RUNNING:
            return f"Attempt {happened.attempt} started"
        case RunStatus.RETRYING:
            return f"Attempt {happened.attempt} failed, a retry follows"
        case RunStatus.SUCCEEDED:
            return "Succeeded"
        case RunStatus.FAILED:
            return f"Failed after {happened.attempt} attempt{'' if happened.attempt == 1 else 's'}, no retry follows"
        case RunStatus.CANCELLED:
            return CANCELLATION_LABELS.get(happened.reason, "Cancelled")
        case RunStatus.SKIPPED:
            return "Skipped"
        case _:
            assert_never(kind)
