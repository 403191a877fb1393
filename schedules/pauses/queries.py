"""SQL statements for pauses of one job and for pause sets, each with its purpose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from values.database import execute, fetch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

# pauses: how jobs go on. Who was faster leaves none to be ended.
END_PAUSES = """
UPDATE schedules_job AS job
   SET state = ended.state, next_run_at = ended.next_run_at, resumed_at = ended.resumed_at,
       catch_up_from_at = ended.catch_up_from_at, catch_up_until_at = ended.catch_up_until_at, updated_at = %(now)s,
       paused_at = NULL, paused_by = '', paused_until_at = NULL, pause_reason = '', pause_catch_up = 'none',
       pause_set_id = NULL
  FROM unnest(%(id)s::uuid[], %(state)s::text[], %(next_run_at)s::timestamptz[], %(resumed_at)s::timestamptz[],
              %(catch_up_from_at)s::timestamptz[], %(catch_up_until_at)s::timestamptz[])
        AS ended (id, state, next_run_at, resumed_at, catch_up_from_at, catch_up_until_at)
 WHERE job.id = ended.id AND job.state = 'paused'
"""

# pauses: those that are over by themselves, without those that another has in hand.
LOCK_EXPIRED_PAUSES = """
SELECT id FROM schedules_job WHERE state = 'paused' AND paused_until_at <= %(now)s
 ORDER BY paused_until_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""

# pause_sets: the one that has waited longest for its pass, or a certain one.
LOCK_DUE_PAUSE_SET = """
SELECT id FROM schedules_pauseset WHERE due_at <= %(now)s AND (%(id)s::uuid IS NULL OR id = %(id)s)
 ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
LOCK_PAUSE_SET = "SELECT id FROM schedules_pauseset WHERE id = %(id)s FOR UPDATE"
LOCK_JOBS = "SELECT id FROM schedules_job WHERE id = ANY(%(id)s) ORDER BY id FOR UPDATE"
# What is due has to be settled first.
PAUSE_JOBS = """
UPDATE schedules_job
   SET state = 'paused', paused_at = %(now)s, updated_at = %(now)s, pause_reason = %(reason)s, paused_by = %(actor)s,
       paused_until_at = %(until)s, pause_catch_up = %(catch_up)s, pause_set_id = %(pause_set_id)s
 WHERE id = ANY(%(id)s) AND state = 'active'
"""


@dataclass(frozen=True, slots=True)
class PauseEnd:
    """How a job goes on after its pause."""

    id: UUID
    state: str
    next_run_at: datetime | None
    resumed_at: datetime
    catch_up_from_at: datetime | None
    catch_up_until_at: datetime | None


def end_pauses(ends: Sequence[PauseEnd], now: datetime) -> None:
    """End the pauses of these jobs."""
    names = ("id", "state", "next_run_at", "resumed_at", "catch_up_from_at", "catch_up_until_at")
    execute(END_PAUSES, {"now": now, **{name: [getattr(end, name) for end in ends] for name in names}})


def lock_expired_pauses(now: datetime, limit: int) -> list[UUID]:
    """Lock up to `limit` jobs whose pause is over by itself, the longest overdue first, and return their ids."""
    return [job_id for (job_id,) in fetch(LOCK_EXPIRED_PAUSES, {"now": now, "limit": limit})]


def lock_due_pause_set(now: datetime, pause_set_id: UUID | None) -> UUID | None:
    """Lock a pause set of which a pass is due, this one if it is named, and return its id."""
    rows = fetch(LOCK_DUE_PAUSE_SET, {"now": now, "id": pause_set_id})
    return rows[0][0] if rows else None


def lock_pause_set(pause_set_id: UUID) -> None:
    """Lock a pause set until the transaction ends."""
    fetch(LOCK_PAUSE_SET, {"id": pause_set_id})


def lock_jobs(job_ids: Sequence[UUID]) -> None:
    """Lock these jobs until the transaction ends, waiting for ticks that have them."""
    fetch(LOCK_JOBS, {"id": list(job_ids)})


def pause_jobs(job_ids: Sequence[UUID], now: datetime, **terms: object) -> int:
    """Pause those of these jobs that are active; returns how many were."""
    return execute(PAUSE_JOBS, {"id": list(job_ids), "now": now, **terms})
