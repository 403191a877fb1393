"""The only writer of a run's status.

Each statement that changes a status checks the present status (guarded), checks the claim number where a worker or the
reaper writes (fenced), and inserts the run's event. If the run is held or has ended, the statement may also insert a
follow-up. The beat that handles the follow-up starts held runs and chained jobs.

The SQL is in `queries.py` and `held_queries.py`. Other modules decide the status of a new run (`NewRun.status` in
`types.py`), of a held run (`admission.py`) and after an attempt (`worker/endings.py`). The statements themselves decide
the status when a retry is due, when a start deadline has passed, and when a run is cancelled or returned by its worker.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from executions.lifecycle import held_queries, queries
from executions.lifecycle.types import Claim, DueRun, Ending, NewRun, Renewal
from executions.states import CancelReason, Reason, RunStatus
from values.database import array, execute, fetch, fetch_planned
from values.ids import uuid7
from values.json_values import clean, clean_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

MAX_REPUBLISH_WAIT = timedelta(minutes=10)  # maximum wait for a claim; the wait doubles with each message
MAX_ERROR_LENGTH = 2000  # characters: enough for a sentence and an excerpt; a traceback belongs in the run's log
MAX_ERROR_CODE_LENGTH = 40  # characters: the column's length
TERMINATED = "A newer run of the job replaced this run (overlap policy terminate_other)."


def open_runs(
    new: Sequence[NewRun], now: datetime, *, dispatch_at: datetime, published: bool = False, actor: str = ""
) -> dict[int, UUID]:
    """Create runs. Returns the ids of the created runs by index in `new`.

    A run is left out if a row with its job, nominal instant and origin exists. `dispatch_at`: when the beat publishes
    queued runs that are available now. `published`: the caller itself publishes these runs after its commit.
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
    created = {row[0] for row in rows}
    return {place: run_id for place, run_id in enumerate(ids) if run_id in created}


def claim(wanted: Sequence[tuple[UUID, int]], now: datetime, *, lease: timedelta, worker: str) -> list[Claim]:
    """Claim the queued runs in `wanted` (pairs of id and claim number). Returns the claims in the same order.

    Runs that cannot be claimed are left out, such as ended runs, and runs whose claim number is no longer valid.
    """
    values = {"now": now, "lease_expires_at": now + lease, "worker": worker}
    rows = fetch(queries.CLAIM, _claim_values(wanted) | values)
    retried = [retry_of for retry_of, *_ in rows if retry_of]
    originals = dict(fetch(queries.ORIGINALS, {"id": retried})) if retried else {}
    claims = [_claim_of(originals.get(retry_of), *row) for retry_of, *row in rows]
    # A message lists its runs in the order in which they became due. PostgreSQL returns updated rows in any order.
    position = {run_id: number for number, (run_id, _) in enumerate(wanted)}
    return sorted(claims, key=lambda claim: position[claim.run_id])


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


def _claim_values(claims: Sequence[tuple[UUID, int]]) -> dict[str, Any]:
    """Return the parameters `id` and `claim_no` of a statement."""
    return {"id": [run_id for run_id, _ in claims], "claim_no": [claim_no for _, claim_no in claims]}


def finish(endings: Sequence[Ending], now: datetime) -> dict[UUID, RunStatus]:
    """End attempts. Returns the new status by run id, without the runs whose claim was lost.

    A run that has a stop request is cancelled instead of retried or queued again.
    """
    # In the order of `renew`: two statements that lock the same runs in different orders can deadlock.
    endings = sorted(endings, key=lambda ending: ending.run_id)
    rows = fetch(
        queries.FINISH,
        {
            **_claim_values([(ending.run_id, ending.claim_no) for ending in endings]),
            "now": now,
            "status": [ending.status.value for ending in endings],
            "attempt_status": [ending.attempt_status.value for ending in endings],
            "error_code": [ending.error_code[:MAX_ERROR_CODE_LENGTH] for ending in endings],
            "error": [clean_text(ending.error[:MAX_ERROR_LENGTH]) for ending in endings],
            "results": json.dumps([clean(ending.result) for ending in endings], ensure_ascii=False),
            "retry_at": [ending.retry_at for ending in endings],
            "began_at": [ending.began_at for ending in endings],
            "ended_at": [ending.ended_at for ending in endings],
        },
    )
    return {run_id: RunStatus(status) for run_id, status in rows}


def return_claims(claims: Sequence[tuple[UUID, int]], now: datetime) -> int:
    """Requeue claimed, unstarted runs; a run with a stop request is cancelled instead. Returns the number of runs."""
    return len(fetch(queries.RETURN_CLAIMS, _claim_values(claims) | {"now": now}))


def republish_at(claims: Sequence[tuple[UUID, int]], at: datetime) -> int:
    """Schedule queued runs, given by (id, claim number), to be published again at `at`. Returns the number of runs."""
    return execute(queries.REPUBLISH_AT, _claim_values(claims) | {"until": at})


def dispatch(now: datetime, *, limit: int, republish_after: timedelta) -> list[DueRun]:
    """Return up to `limit` runs that are due to be published: those that became due first. Skips locked runs.

    Retrying runs become queued. An unclaimed run is due again after `republish_after`, then after longer times.
    """
    values = {"now": now, "limit": limit, "republish_after": republish_after, "cap": MAX_REPUBLISH_WAIT}
    return [DueRun(*row) for row in fetch(queries.DISPATCH, values)]


def dispatch_by_id(run_ids: Sequence[UUID], now: datetime, *, republish_after: timedelta) -> list[DueRun]:
    """Like `dispatch`, but only for the due runs among `run_ids`."""
    values = {"now": now, "limit": len(run_ids), "republish_after": republish_after, "cap": MAX_REPUBLISH_WAIT}
    return [DueRun(*row) for row in fetch(queries.DISPATCH_BY_ID, values | {"id": list(run_ids)})]


def due_ids(now: datetime, limit: int) -> list[UUID]:
    """Return the ids of up to `limit` runs that are due to be published, including locked runs."""
    return [run_id for (run_id,) in fetch(queries.DUE_IDS, {"now": now, "limit": limit})]


def push_back_publishing(run_ids: Sequence[UUID], now: datetime, until: datetime) -> int:
    """Postpone the publishing of the due runs among `run_ids` to `until`. Returns the number of runs."""
    return execute(queries.PUSH_BACK_PUBLISHING, {"id": list(run_ids), "now": now, "until": until})


def renew(claims: Iterable[tuple[UUID, int]], now: datetime, lease: timedelta) -> Renewal:
    """Extend the leases of valid claims to `now + lease`. Returns the valid claims, and those with a stop request."""
    held = sorted(claims)  # in the same order as `finish`; otherwise the two statements could deadlock
    rows = fetch(queries.RENEW, _claim_values(held) | {"lease_expires_at": now + lease})
    return Renewal(
        held=frozenset((row[0], row[1]) for row in rows),
        cancelled=frozenset((row[0], row[1]) for row in rows if row[2]),
    )


def cancel(run_id: UUID, now: datetime, *, actor: str) -> RunStatus | None:
    """Cancel a live run; a running run gets a stop request. Return the run's status, or None if nothing has changed."""
    rows = fetch(queries.CANCEL_RUN, {"id": run_id, "now": now, "actor": actor, "reason": ""})
    return RunStatus(rows[0][1]) if rows else None


def cancel_not_running(job_id: UUID, now: datetime, *, actor: str, reason: CancelReason) -> int:
    """Cancel the held, queued and retrying runs of a job. Returns the number of runs."""
    values = {"id": job_id, "now": now, "actor": actor, "reason": reason.value}
    return len(fetch(queries.CANCEL_NOT_RUNNING_OF_JOB, values))


def cancel_backfill_runs(backfill_id: UUID, now: datetime, *, actor: str) -> int:
    """Cancel the held, queued and retrying runs of a backfill. Returns the number of runs."""
    values = {"id": backfill_id, "now": now, "actor": actor, "reason": CancelReason.BACKFILL_CANCELLED.value}
    return len(fetch(queries.CANCEL_NOT_RUNNING_OF_BACKFILL, values))


def cancel_others(job_ids: Sequence[UUID], now: datetime) -> int:
    """Cancel the live runs of these jobs; a running run gets a stop request. Returns the number of changed runs."""
    values = {"id": list(job_ids), "now": now, "actor": "", "reason": CancelReason.OVERLAP.value}
    return len(fetch(queries.CANCEL_OF_JOBS, values))


def terminate_others(job_ids: Sequence[UUID], now: datetime) -> int:
    """Cancel the live runs of these jobs; no worker can write their results any more. Returns the number of runs."""
    return len(fetch(queries.TERMINATE_OF_JOBS, {"id": list(job_ids), "now": now, "error": TERMINATED}))


def release(verdicts: Mapping[UUID, Reason | None], now: datetime) -> int:
    """Queue or skip held runs. Returns the number of runs.

    `verdicts` maps a run id to the reason to skip the run, or to None to queue the run.
    """
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
    """Skip up to `limit` runs that did not start before their start deadline. Returns the number of runs."""
    return len(fetch(held_queries.EXPIRE, {"now": now, "limit": limit}))


def expire_by_id(run_ids: Sequence[UUID], now: datetime) -> int:
    """Like `expire`, but only for runs among `run_ids`."""
    return len(fetch(held_queries.EXPIRE_BY_ID, {"now": now, "limit": len(run_ids), "id": list(run_ids)}))


def expired_ids(now: datetime, limit: int) -> list[UUID]:
    """Return the ids of up to `limit` runs that did not start before their start deadline, including locked runs."""
    return [run_id for (run_id,) in fetch(held_queries.EXPIRED_IDS, {"now": now, "limit": limit})]


def push_back_expiry(run_ids: Sequence[UUID], now: datetime, until: datetime) -> int:
    """Postpone the skipping of the late runs in `run_ids` to `until`. They still cannot start. Returns their number."""
    return execute(held_queries.PUSH_BACK_EXPIRY, {"id": list(run_ids), "now": now, "until": until})
