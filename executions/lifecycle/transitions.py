"""The only writer of a run's status: each write is guarded, fenced by the claim, counted, and notes its event.

Effects of a transition (notifications, handlers) read run events afterwards; nothing here talks to the world.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from executions.lifecycle import held_queries, queries
from executions.policies.limits import Priority
from executions.states import AttemptStatus, Origin, Reason, RunStatus
from values.database import array, execute, fetch, fetch_planned
from values.ids import uuid7
from values.json_values import clean, clean_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

MAX_REPUBLISH_WAIT = timedelta(minutes=10)  # no message is waited for longer than this
MAX_ERROR_LENGTH = 2000
TERMINATED = "A later run of the job took its place: its overlap policy is terminate_other."


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be born: queued, or held, when `reason` is None, else the record of an occurrence that did not start."""

    scope_id: int
    job_id: UUID
    spec_id: int
    nominal_at: datetime
    origin: Origin = Origin.SCHEDULE
    reason: Reason | None = None
    last_nominal_at: datetime | None = None
    n_occurrences: int = 1
    retry_of: UUID | None = None
    caused_by: UUID | None = None
    backfill_id: UUID | None = None
    available_at: datetime | None = None  # None: at once
    # What it is held for, until `admission.admit` finds that it may start.
    is_buffered: bool = False  # until no other run of its job goes on
    concurrency_key: str = ""
    rate_key: str = ""
    terms: str = ""  # `limits.terms` of these two
    priority: Priority = Priority.MEDIUM
    expires_at: datetime | None = None

    @property
    def status(self) -> RunStatus:
        if self.reason:
            return RunStatus.SKIPPED
        is_held = self.is_buffered or self.concurrency_key or self.rate_key
        return RunStatus.HELD if is_held else RunStatus.QUEUED

    def is_due(self, now: datetime) -> bool:
        """Whether it may be published now."""
        return self.status is RunStatus.QUEUED and (self.available_at is None or self.available_at <= now)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry out one attempt, and all that is needed for it."""

    run_id: UUID
    claim_no: int
    attempt: int
    n_lost: int
    nominal_at: datetime  # of a retry: that of the run which it carries out again
    job_name: str
    target_kind: str
    target: dict[str, Any]
    payload: Any
    policies: str  # JSON, as stored


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended, and what becomes of its run. `retry_at` goes with retrying and queued."""

    run_id: UUID
    claim_no: int
    status: RunStatus
    attempt_status: AttemptStatus
    error_code: str = ""
    error: str = ""
    result: Any = None
    retry_at: datetime | None = None
    began_at: datetime | None = None  # of the attempt; None: when it was claimed
    ended_at: datetime | None = None  # None: when this is written


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a heartbeat learnt: claims that still hold, and those of them that should stop."""

    held: frozenset[tuple[UUID, int]]
    cancelled: frozenset[tuple[UUID, int]]


@dataclass(frozen=True, slots=True)
class DueRun:
    """A queued run to be published."""

    run_id: UUID
    claim_no: int
    job_name: str
    target_kind: str
    policies: str  # JSON, as stored


def open_runs(
    new: Sequence[NewRun], now: datetime, *, dispatch_at: datetime, published: bool = False, actor: str = ""
) -> dict[int, UUID]:
    """Give birth to runs; returns the ids of those that are new, by their place in `new`.

    An occurrence that already has its row (another tick got there first) is passed over. `published` says
    that the caller publishes them itself, at once after its commit.
    """
    if not new:
        return {}
    ids = [uuid7(run.nominal_at) for run in new]
    rows = fetch_planned(
        queries.OPEN,
        {
            "now": now,
            "dispatch_at": dispatch_at,
            "n_published": int(published),
            "actor": actor,
            "id": array(ids),
            "scope_id": array(run.scope_id for run in new),
            "job_id": array(run.job_id for run in new),
            "spec_id": array(run.spec_id for run in new),
            "origin": array(run.origin for run in new),
            "retry_of": array(run.retry_of for run in new),
            "nominal_at": array(run.nominal_at for run in new),
            "last_nominal_at": array(run.last_nominal_at for run in new),
            "n_occurrences": array(run.n_occurrences for run in new),
            "status": array(run.status for run in new),
            "reason": array(run.reason or "" for run in new),
            "available_at": array(run.available_at or now for run in new),
            "caused_by": array(run.caused_by for run in new),
            "is_buffered": array(run.is_buffered for run in new),
            "concurrency_key": [run.concurrency_key for run in new],
            "rate_key": [run.rate_key for run in new],
            "terms": [run.terms for run in new],
            "priority": array(run.priority.rank for run in new),
            "expires_at": array(run.expires_at for run in new),
            "backfill_id": array(run.backfill_id for run in new),
        },
    )
    born = {row[0] for row in rows}
    return {place: run_id for place, run_id in enumerate(ids) if run_id in born}


def claim(wanted: Sequence[tuple[UUID, int]], now: datetime, *, lease: timedelta, worker: str) -> list[Claim]:
    """Claim queued runs by (id, claim number); what another worker took, or what has ended, is left out."""
    values = {"now": now, "lease_expires_at": now + lease, "worker": worker}
    rows = fetch(queries.CLAIM, _named(wanted) | values)
    retried = [retry_of for retry_of, *_ in rows if retry_of]
    originals = dict(fetch(queries.ORIGINALS, {"id": retried})) if retried else {}
    return [_claim_of(originals.get(retry_of), *row) for retry_of, *row in rows]


def _claim_of(original_at: datetime | None, *row: Any) -> Claim:
    run_id, claim_no, attempt, n_lost, nominal_at, name, kind, target, payload, policies = row
    return Claim(
        run_id=run_id,
        claim_no=claim_no,
        attempt=attempt,
        n_lost=n_lost,
        nominal_at=original_at or nominal_at,
        job_name=name,
        target_kind=kind,
        target=json.loads(target),
        payload=json.loads(payload) if payload else None,
        policies=policies,
    )


def _named(claims: Sequence[tuple[UUID, int]]) -> dict[str, Any]:
    """Values of a statement that takes runs by id and claim number."""
    return {"id": [run_id for run_id, _ in claims], "claim_no": [claim_no for _, claim_no in claims]}


def finish(endings: Sequence[Ending], now: datetime) -> dict[UUID, RunStatus]:
    """End attempts; returns the status that each run has now. One that is missing had lost its claim.

    A run that was asked to stop meanwhile is cancelled where its ending would have it tried again.
    """
    endings = sorted(endings, key=lambda ending: ending.run_id)
    rows = fetch(
        queries.FINISH,
        {
            **_named([(ending.run_id, ending.claim_no) for ending in endings]),
            "now": now,
            "status": [ending.status.value for ending in endings],
            "attempt_status": [ending.attempt_status.value for ending in endings],
            "error_code": [ending.error_code[:40] for ending in endings],
            "error": [clean_text(ending.error[:MAX_ERROR_LENGTH]) for ending in endings],
            "result": [None if ending.result is None else json.dumps(clean(ending.result)) for ending in endings],
            "retry_at": [ending.retry_at for ending in endings],
            "began_at": [ending.began_at for ending in endings],
            "ended_at": [ending.ended_at for ending in endings],
        },
    )
    return {run_id: RunStatus(status) for run_id, status in rows}


def return_claims(claims: Sequence[tuple[UUID, int]], now: datetime) -> int:
    """Return claimed runs that have not begun to the queue, due to be published; returns how many still held."""
    return len(fetch(queries.RETURN_CLAIMS, _named(claims) | {"now": now}))


def republish_at(claims: Sequence[tuple[UUID, int]], at: datetime) -> int:
    """Make published runs due to be published again at this instant, by id and claim number; returns how many are."""
    return execute(queries.REPUBLISH_AT, _named(claims) | {"until": at})


def dispatch(now: datetime, *, limit: int, republish_after: timedelta) -> list[DueRun]:
    """Take what is due to be published, and set when it is published again should nobody claim it."""
    values = {"now": now, "limit": limit, "republish_after": republish_after, "cap": MAX_REPUBLISH_WAIT}
    return [DueRun(*row) for row in fetch(queries.DISPATCH, values)]


def dispatch_by_id(run_ids: Sequence[UUID], now: datetime, *, republish_after: timedelta) -> list[DueRun]:
    """The same for those of these runs that are due."""
    values = {"now": now, "limit": len(run_ids), "republish_after": republish_after, "cap": MAX_REPUBLISH_WAIT}
    return [DueRun(*row) for row in fetch(queries.DISPATCH_BY_ID, values | {"id": list(run_ids)})]


def due_ids(now: datetime, limit: int) -> list[UUID]:
    """The ids of up to `limit` runs that are due to be published, locked by somebody or not."""
    return [run_id for (run_id,) in fetch(queries.DUE_IDS, {"now": now, "limit": limit})]


def renew(claims: Iterable[tuple[UUID, int]], now: datetime, lease: timedelta) -> Renewal:
    """Extend the leases of these claims."""
    held = sorted(claims)  # as the ends are: two statements that lock the same rows must do so in one order
    rows = fetch(queries.RENEW, _named(held) | {"lease_expires_at": now + lease})
    return Renewal(
        held=frozenset((row[0], row[1]) for row in rows),
        cancelled=frozenset((row[0], row[1]) for row in rows if row[2]),
    )


def cancel(run_id: UUID, now: datetime, *, actor: str) -> RunStatus | None:
    """Cancel a run that is live: at once when it has not begun, else by asking it to stop. None: it was over."""
    rows = fetch(queries.CANCEL_RUN, {"id": run_id, "now": now, "actor": actor, "reason": ""})
    return RunStatus(rows[0][1]) if rows else None


def cancel_not_running(job_id: UUID, now: datetime, *, actor: str, reason: str) -> int:
    """Cancel every run of a job that is queued or retrying; returns how many there were."""
    values = {"id": job_id, "now": now, "actor": actor, "reason": reason}
    return len(fetch(queries.CANCEL_NOT_RUNNING_OF_JOB, values))


def cancel_backfill_runs(backfill_id: UUID, now: datetime, *, actor: str) -> int:
    """Cancel every run of a backfill that has not begun; returns how many there were."""
    values = {"id": backfill_id, "now": now, "actor": actor, "reason": "backfill_cancelled"}
    return len(fetch(queries.CANCEL_NOT_RUNNING_OF_BACKFILL, values))


def cancel_others(job_ids: Sequence[UUID], now: datetime) -> int:
    """Cancel every run of these jobs, those that are running by asking them to stop; returns how many were."""
    values = {"id": list(job_ids), "now": now, "actor": "", "reason": Reason.OVERLAP.value}
    return len(fetch(queries.CANCEL_OF_JOBS, values))


def terminate_others(job_ids: Sequence[UUID], now: datetime) -> int:
    """End every run of these jobs at once. What their workers do after that changes nothing any more."""
    return len(fetch(queries.TERMINATE_OF_JOBS, {"id": list(job_ids), "now": now, "error": TERMINATED}))


def release(verdicts: Mapping[UUID, Reason | None], now: datetime) -> int:
    """Let held runs start, due to be published now, or with a reason record that they do not."""
    return len(
        fetch(
            held_queries.RELEASE,
            {
                "now": now,
                "id": list(verdicts),
                "status": [(RunStatus.SKIPPED if reason else RunStatus.QUEUED).value for reason in verdicts.values()],
                "reason": [reason.value if reason else "" for reason in verdicts.values()],
            },
        )
    )


def expire(now: datetime, limit: int) -> int:
    """Record up to `limit` runs that nobody began before their start deadline as skipped; returns how many."""
    return len(fetch(held_queries.EXPIRE, {"now": now, "limit": limit}))


def expire_by_id(run_ids: Sequence[UUID], now: datetime) -> int:
    """The same for those of these runs that are too late."""
    return len(fetch(held_queries.EXPIRE_BY_ID, {"now": now, "limit": len(run_ids), "id": list(run_ids)}))


def expired_ids(now: datetime, limit: int) -> list[UUID]:
    """The ids of up to `limit` runs that nobody began in time, locked by somebody or not."""
    return [run_id for (run_id,) in fetch(held_queries.EXPIRED_IDS, {"now": now, "limit": limit})]
