"""What an entry of the ledger says in plain words, for the API, the command line and the admin. No HTML."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from executions.history import waiting_reasons_by_id
from executions.states import REASON_SENTENCES, STATUS_LABELS, Reason, RunStatus
from schedules.clock.compare import Decision
from schedules.clock.spec import Kind
from schedules.jobs import chains
from values import instants
from values.readable import value_or_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from uuid import UUID

    from executions.history import Record
    from schedules.ledger.account import Entry
    from schedules.models import Job

# Label and tone (a name of the admin theme's palette) of each decision.
DECISION_LABELS: dict[Decision, tuple[str, str]] = {
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
AT_ONCE = 200  # entries of which those that are held are asked for together
UNNAMED = "No schedule that the job had names this instant. "
# What the ledger cannot say.
FOLLOWS = "The ledger covers what schedules name, and this job has none: runs of other jobs start it."
BY_HAND = "The ledger covers what schedules name, and this job has none: it is started by hand or through the API."
ALSO_FOLLOWS = "It also starts after runs of other jobs. Those of its runs are no part of the ledger."


def decision_count(kind: Decision, n: int) -> str:
    """`3 started`, `1 gap`, `2 gaps`."""
    return f"{n:,} {DECISION_LABELS[kind][0].lower()}{'s' if kind is Decision.GAP and n != 1 else ''}"


def with_sentences(entries: Iterable[Entry], now: datetime) -> Iterator[tuple[Entry, str]]:
    """Each entry with its sentence, lazily; up to four queries for those that are held among every `AT_ONCE`."""
    entries = iter(entries)
    while batch := list(islice(entries, AT_ONCE)):
        records = (entry.record for entry in batch)
        held = [record.run_id for record in records if record and record.status == RunStatus.HELD]
        waits = waiting_reasons_by_id(held, now)
        yield from ((entry, sentence(entry, waits)) for entry in batch)


def has_clock(job: Job) -> bool:
    """Whether a job has a schedule, be it one that this version cannot read."""
    spec = value_or_none(job.readable_schedule)
    return spec is None or spec.kind is not Kind.NONE


def describe_other_starts(job: Job) -> str:
    """What starts a job beside a schedule, and so is no part of its ledger; empty if nothing does. One query."""
    follows = bool(chains.of(job.pk))
    if has_clock(job):
        return ALSO_FOLLOWS if follows else ""
    return FOLLOWS if follows else BY_HAND


def sentence(entry: Entry, waits: Mapping[UUID, str]) -> str:
    """`Ran, 12 ms late, took 400 ms, succeeded.` or `It did not start because …`: one or two sentences.

    `waits`: by run that is held, what it waits for.
    """
    if entry.record is None:
        return WITHOUT_ROW[entry.decision]
    text = _not_started(entry.record) if entry.record.reason else _started(entry.record, waits)
    if entry.decision is Decision.UNEXPECTED:
        text = UNNAMED + text
    return f"{text} A backfill repeated it." if entry.made_good_by else text


def _not_started(record: Record) -> str:
    if record.reason in set(Reason):
        text = REASON_SENTENCES[Reason(record.reason)]
    else:
        text = f"It did not start: {record.reason.replace('_', ' ')}."
    if record.n_occurrences > 1:
        text += f" This row stands for {record.n_occurrences:,} occurrences."
    return text


def _started(record: Record, waits: Mapping[UUID, str]) -> str:
    late, took = f"{instants.duration(record.unplanned_delay)} late", instants.duration(record.took)
    if record.planned_at:
        late += f" (planned {instants.duration(record.planned_at - record.nominal_at)} after its instant)"
    tried = "" if record.n_attempts < 2 else f" at attempt {record.n_attempts}"
    match record.status:
        case RunStatus.SUCCEEDED:
            return f"Ran, {late}, took {took}, succeeded{tried}."
        case RunStatus.FAILED:
            code = f" ({record.error_code})" if record.error_code else ""
            return f"Ran, {late}, took {took}, failed{tried}{code}."
        case RunStatus.CANCELLED if record.started_at is None:
            return "It was cancelled before it had begun."
        case RunStatus.CANCELLED:
            return f"Ran, {late}, took {took}, and was cancelled."
        case RunStatus.RUNNING:
            return f"Started {late}, and is running."
        case RunStatus.QUEUED:
            return "It waits for a worker."
        case RunStatus.HELD:
            why = waits.get(record.run_id)
            return f"It is held. {why}." if why else "It is held, behind another run or by a limit."
        case RunStatus.RETRYING:
            return f"Started {late}; {record.n_attempts} of its attempts failed, and another follows."
        case _:
            label = STATUS_LABELS[RunStatus(record.status)][0] if record.status in set(RunStatus) else record.status
            return f"Its run is {label.lower()}."
