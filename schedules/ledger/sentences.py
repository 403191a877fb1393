"""Sentences about entries of the ledger, for the API, the command line and the admin. Plain text, no HTML."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, assert_never

from executions.history import waiting_reasons_by_id
from executions.states import RunStatus, reason_sentence
from schedules.clock.compare import Decision
from schedules.clock.spec import Kind
from schedules.jobs import chains
from values import instants

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from uuid import UUID

    from executions.history import Record
    from schedules.ledger.account import Entry
    from schedules.models import Job

# Label and tone (a colour name of the admin theme) of each decision.
DECISION_LABELS: dict[Decision, tuple[str, str]] = {
    Decision.STARTED: ("Started", "success"),
    Decision.SKIPPED: ("Did not start", "default"),
    Decision.PENDING: ("Due", "info"),
    Decision.PAUSED: ("Paused", "warning"),
    Decision.GAP: ("Gap", "danger"),
    Decision.MADE_GOOD: ("Backfilled", "success"),
    Decision.UNEXPECTED: ("Unexpected", "warning"),
    Decision.UPCOMING: ("Upcoming", "default"),
}
SENTENCES_WITHOUT_ROW: dict[Decision, str] = {
    Decision.PENDING: "It is due, and no beat has handled it yet.",
    Decision.PAUSED: "It became due during a pause. A beat will record it after the pause.",
    Decision.GAP: "It was due, and there is no record of it.",
    Decision.MADE_GOOD: "It had no record. A backfill has opened a run for it.",
    Decision.UPCOMING: "It is not due yet.",
}
MAX_ENTRIES_PER_QUERY = 200  # entries whose held runs are read with the same queries
UNEXPECTED_PREFIX = "This instant belongs to no schedule of the job. "
# Runs that the ledger does not cover.
ONLY_CHAINED = (
    "The ledger covers scheduled runs only, and this job has no schedule: it starts after runs of other jobs."
)
ONLY_BY_HAND = (
    "The ledger covers scheduled runs only, and this job has no schedule: it is started by hand or through the API."
)
ALSO_CHAINED = "The ledger covers scheduled runs only. The job also starts after runs of other jobs."


def decision_count(kind: Decision, n: int) -> str:
    """Return a count with the label of its decision: `3 started`, `1 gap`, `2 gaps`."""
    return f"{n:,} {DECISION_LABELS[kind][0].lower()}{'s' if kind is Decision.GAP and n != 1 else ''}"


def with_sentences(entries: Iterable[Entry], now: datetime) -> Iterator[tuple[Entry, str]]:
    """Yield each entry with its sentence. For every 200 entries, up to four queries read why runs are held."""
    entries = iter(entries)
    while batch := list(islice(entries, MAX_ENTRIES_PER_QUERY)):
        records = (entry.record for entry in batch)
        held = [record.run_id for record in records if record and record.status == RunStatus.HELD]
        waits = waiting_reasons_by_id(held, now)
        yield from ((entry, sentence(entry, waits)) for entry in batch)


def has_schedule(job: Job) -> bool:
    """Whether a job has a schedule, even one that this version cannot read."""
    spec = job.known_schedule
    return spec is None or spec.kind is not Kind.NONE


def describe_other_starts(job: Job) -> str:
    """Return one or two sentences about the job's runs that the ledger does not cover. One query.

    Return "" for a job that has a schedule and starts after no other job.
    """
    is_chained = bool(chains.of(job.pk))
    if has_schedule(job):
        return ALSO_CHAINED if is_chained else ""
    return ONLY_CHAINED if is_chained else ONLY_BY_HAND


def sentence(entry: Entry, waits: Mapping[UUID, str]) -> str:
    """Return a text of one or more sentences, such as `Ran, 12 ms late, took 400 ms, succeeded.`

    `waits`: why each held run is held, by run id.
    """
    if entry.record is None:
        return SENTENCES_WITHOUT_ROW[entry.decision]
    text = _not_started(entry.record) if entry.record.reason else _started(entry.record, waits)
    if entry.decision is Decision.UNEXPECTED:
        text = UNEXPECTED_PREFIX + text
    return f"{text} A backfill has opened a run for this occurrence." if entry.made_good_by else text


def _not_started(record: Record) -> str:
    text = reason_sentence(record.reason)
    if record.n_occurrences > 1:
        text += f" This row stands for {record.n_occurrences:,} occurrences."
    return text


def _started(record: Record, waits: Mapping[UUID, str]) -> str:
    late, took = f"{instants.duration(record.unplanned_delay)} late", instants.duration(record.took)
    if record.planned_at:
        late += f" (start planned {instants.duration(record.planned_at - record.nominal_at)} after the nominal instant)"
    tried = "" if record.n_attempts < 2 else f" at attempt {record.n_attempts}"
    if record.status not in set(RunStatus):  # another version of the code has written it
        return f"The run is {record.status.lower()}."
    status = RunStatus(record.status)
    match status:
        case RunStatus.SUCCEEDED:
            return f"Ran, {late}, took {took}, succeeded{tried}."
        case RunStatus.FAILED:
            code = f" ({record.error_code})" if record.error_code else ""
            return f"Ran, {late}, took {took}, failed{tried}{code}."
        case RunStatus.CANCELLED if record.started_at is None:
            return "The run was cancelled before it started."
        case RunStatus.CANCELLED:
            return f"Ran, {late}, took {took}, and was cancelled."
        case RunStatus.RUNNING:
            return f"Started {late}, and is running."
        case RunStatus.QUEUED if record.n_attempts:
            return f"The run is queued for another attempt. Attempts so far: {record.n_attempts}."
        case RunStatus.QUEUED:
            return "The run is queued: no worker has started it yet."
        case RunStatus.HELD:
            why = waits.get(record.run_id)
            return f"The run is held. {why}." if why else "The run is held: another run or a limit prevents its start."
        case RunStatus.RETRYING:
            return f"Started {late}. Attempts so far: {record.n_attempts}. The run will be retried."
        case RunStatus.SKIPPED:
            return "The run was skipped."
        case _:
            assert_never(status)
