"""The SQL statements of pauses and pause sets. The comment above a statement names its caller and its purpose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from values.database import execute, fetch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

# resuming: end pauses, many in one statement. `state = 'paused'`: somebody else may have resumed a job meanwhile.
# `paused_at` stays: a late follow-up compares the end of a run with the whole pause (`chained_jobs`).
END_PAUSES = """
UPDATE schedules_job AS job
   SET state = ended.state, next_run_at = ended.next_run_at, resumed_at = ended.resumed_at,
       catch_up_from_at = ended.catch_up_from_at, catch_up_until_at = ended.catch_up_until_at, updated_at = %(now)s,
       paused_by = '', paused_until_at = NULL, pause_reason = '', pause_catch_up = 'none', pause_set_id = NULL
  FROM unnest(%(id)s::uuid[], %(state)s::text[], %(next_run_at)s::timestamptz[], %(resumed_at)s::timestamptz[],
              %(catch_up_from_at)s::timestamptz[], %(catch_up_until_at)s::timestamptz[])
        AS ended (id, state, next_run_at, resumed_at, catch_up_from_at, catch_up_until_at)
 WHERE job.id = ended.id AND job.state = 'paused'
"""

# resuming.end_expired: lock jobs whose pause has expired, the earliest end first. SKIP LOCKED: another beat may have
# locked a job, or a person may be resuming it. Index job_pause_end.
LOCK_EXPIRED_PAUSES = """
SELECT id FROM schedules_job WHERE state = 'paused' AND paused_until_at <= %(now)s
 ORDER BY paused_until_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""

# pause_sets.step_once: lock the pause set with this id, or, without an id, the set whose step has been due longest.
# Skips sets that another beat has locked. Index pause_set_due.
LOCK_DUE_PAUSE_SET = """
SELECT id FROM schedules_pauseset WHERE due_at <= %(now)s AND (%(id)s::uuid IS NULL OR id = %(id)s)
 ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
# pause_sets.undo: waits for a step that has locked the set.
LOCK_PAUSE_SET = "SELECT id FROM schedules_pauseset WHERE id = %(id)s FOR UPDATE"
# pause_sets: lock several jobs. Every caller locks in the order of the ids, so that no two callers deadlock.
LOCK_JOBS = "SELECT id FROM schedules_job WHERE id = ANY(%(id)s) ORDER BY id FOR UPDATE"
# pause_sets: pause the jobs of a step. The caller has locked and settled them, so occurrences due earlier still run.
PAUSE_JOBS = """
UPDATE schedules_job
   SET state = 'paused', paused_at = %(now)s, updated_at = %(now)s, pause_reason = %(reason)s, paused_by = %(actor)s,
       paused_until_at = %(until)s, pause_catch_up = %(catch_up)s, pause_set_id = %(pause_set_id)s
 WHERE id = ANY(%(id)s) AND state = 'active'
"""
# failures: pause jobs whose last runs have failed. The caller has locked and settled them. A job whose schedule has
# ended is paused only if it starts after another job; otherwise nothing is left to pause.
PAUSE_FAILING_JOBS = """
UPDATE schedules_job AS job
   SET state = 'paused', paused_at = %(now)s, updated_at = %(now)s, pause_reason = failing.reason, paused_by = '',
       paused_until_at = NULL, pause_catch_up = 'none', pause_set_id = NULL
  FROM unnest(%(id)s::uuid[], %(reason)s::text[]) AS failing (id, reason)
 WHERE job.id = failing.id
   AND (job.state = 'active'
        OR job.state = 'ended' AND EXISTS (SELECT FROM schedules_chain AS chain WHERE chain.job_id = job.id))
RETURNING job.id
"""


@dataclass(frozen=True, slots=True)
class PauseEnd:
    """A job's values for the statement `END_PAUSES`: the job's state and times after the end of the pause."""

    id: UUID
    state: str
    next_run_at: datetime | None
    resumed_at: datetime
    catch_up_from_at: datetime | None
    catch_up_until_at: datetime | None


def end_pauses(ends: Sequence[PauseEnd], now: datetime) -> None:
    """End the pauses of these jobs. A job that is no longer paused stays as it is."""
    names = ("id", "state", "next_run_at", "resumed_at", "catch_up_from_at", "catch_up_until_at")
    execute(END_PAUSES, {"now": now, **{name: [getattr(end, name) for end in ends] for name in names}})


def lock_expired_pauses(now: datetime, limit: int) -> list[UUID]:
    """Lock at most `limit` jobs whose pause has expired, the earliest expiry first. Return the ids of the locked jobs.

    Skips jobs that somebody else has locked.
    """
    return [job_id for (job_id,) in fetch(LOCK_EXPIRED_PAUSES, {"now": now, "limit": limit})]


def lock_due_pause_set(now: datetime, pause_set_id: UUID | None) -> UUID | None:
    """Lock the pause set `pause_set_id` if its next step is due.

    If `pause_set_id` is None, lock the set whose next step has been due longest. Skips sets that another transaction
    has locked. Returns the id of the locked set, or None if no set was locked.
    """
    rows = fetch(LOCK_DUE_PAUSE_SET, {"now": now, "id": pause_set_id})
    return rows[0][0] if rows else None


def lock_pause_set(pause_set_id: UUID) -> None:
    """Lock a pause set until the transaction ends. Waits while another transaction has it locked."""
    fetch(LOCK_PAUSE_SET, {"id": pause_set_id})


def lock_jobs(job_ids: Sequence[UUID]) -> None:
    """Lock these jobs until the transaction ends. Waits while a tick or another change has them locked."""
    fetch(LOCK_JOBS, {"id": list(job_ids)})


def pause_jobs(job_ids: Sequence[UUID], now: datetime, **terms: object) -> int:
    """Pause the active jobs among `job_ids`, and return their number.

    `terms`: the other parameters of the statement `PAUSE_JOBS`, such as `reason` and `until`.
    """
    return execute(PAUSE_JOBS, {"id": list(job_ids), "now": now, **terms})


def pause_failing_jobs(reasons: Mapping[UUID, str], now: datetime) -> set[UUID]:
    """Pause these jobs until somebody resumes them. `reasons`: the reason for each pause, by job id.

    Skips a job that is already paused. Skips an ended job unless it starts after another job. Returns the ids of the
    jobs that this call paused.
    """
    values = {"id": list(reasons), "reason": list(reasons.values()), "now": now}
    return {job_id for (job_id,) in fetch(PAUSE_FAILING_JOBS, values)}
