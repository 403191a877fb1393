"""What an entry of the ledger says in plain words, for the API, the command line and the admin. No HTML, no queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from executions.admin import words
from executions.states import LABELS, Reason, RunStatus
from schedules.clock.compare import Decision

if TYPE_CHECKING:
    from executions.record import Record
    from schedules.clock.compare import Entry

# Label and tone (a name of the admin theme's palette) of each decision.
LABELS_OF: dict[Decision, tuple[str, str]] = {
    Decision.STARTED: ("Started", "success"),
    Decision.SKIPPED: ("Did not start", "default"),
    Decision.PENDING: ("Due", "info"),
    Decision.PAUSED: ("Paused", "warning"),
    Decision.GAP: ("Gap", "danger"),
    Decision.MADE_GOOD: ("Made good", "success"),
    Decision.UNEXPECTED: ("Unexpected", "warning"),
    Decision.UPCOMING: ("To come", "default"),
}
WITHOUT_ROW: dict[Decision, str] = {
    Decision.PENDING: "It is due, and no beat has come to it yet.",
    Decision.PAUSED: "It fell into a pause: it is recorded as paused when the job is resumed.",
    Decision.GAP: "No record: it was due, and nothing says what became of it.",
    Decision.MADE_GOOD: "It had no record, and a backfill made good for it.",
    Decision.UPCOMING: "It is still to come.",
}
UNNAMED = "No schedule that the job had names this instant. "


def counted(kind: Decision, n: int) -> str:
    """`3 started`, `1 gap`, `2 gaps`."""
    return f"{n:,} {LABELS_OF[kind][0].lower()}{'s' if kind is Decision.GAP and n != 1 else ''}"


def sentence(entry: Entry) -> str:
    """`Ran, 12 ms late, took 400 ms, succeeded.` or `It did not start, because …`: one or two sentences."""
    if entry.record is None:
        return WITHOUT_ROW[entry.decision]
    text = _not_started(entry.record) if entry.record.reason else _started(entry.record)
    if entry.decision is Decision.UNEXPECTED:
        text = UNNAMED + text
    return f"{text} A backfill repeated it." if entry.made_good_by else text


def _not_started(record: Record) -> str:
    if record.reason in set(Reason):
        text = words.WHY_NOT[Reason(record.reason)]
    else:
        text = f"It did not start: {record.reason.replace('_', ' ')}."
    if record.n_occurrences > 1:
        text += f" This row stands for {record.n_occurrences:,} occurrences."
    return text


def _started(record: Record) -> str:
    late, took = words.duration(record.late_by), words.duration(record.took)
    tried = "" if record.n_attempts < 2 else f" at attempt {record.n_attempts}"
    match record.status:
        case RunStatus.SUCCEEDED:
            return f"Ran, {late} late, took {took}, succeeded{tried}."
        case RunStatus.FAILED:
            code = f" ({record.error_code})" if record.error_code else ""
            return f"Ran, {late} late, took {took}, failed{tried}{code}."
        case RunStatus.CANCELLED if record.started_at is None:
            return "It was cancelled before it had begun."
        case RunStatus.CANCELLED:
            return f"Ran, {late} late, took {took}, and was cancelled."
        case RunStatus.RUNNING:
            return f"Started {late} late, and is running."
        case RunStatus.QUEUED:
            return "It waits for a worker."
        case RunStatus.HELD:
            return "It is held, behind another run or by a limit."
        case RunStatus.RETRYING:
            return f"Started {late} late; {record.n_attempts} of its attempts failed, and another follows."
        case _:
            label = LABELS[RunStatus(record.status)][0] if record.status in set(RunStatus) else record.status
            return f"Its run is {label.lower()}."
