"""The SQL statements of backfills. The comment above a statement names its caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from executions.states import LIVE
from values.database import execute, fetch

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

# backfill.step_once: lock the backfill whose step has been due longest. Skips backfills that another beat has locked.
# Index backfill_due.
LOCK_DUE_BACKFILL = """
SELECT id FROM schedules_backfill WHERE due_at <= %(now)s ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
# backfill.cancel: waits for a step that has locked the backfill.
LOCK_BACKFILL = "SELECT id FROM schedules_backfill WHERE id = %(id)s FOR UPDATE"
# reactions.backfills: make backfills due that have few live runs left. SKIP LOCKED: the caller has locked the jobs, and
# a step locks its backfill first and then the job, so waiting here could deadlock. A skipped backfill misses nothing:
# the step that has locked it counts the live runs only after it has locked the job.
WAKE_BACKFILLS = """
UPDATE schedules_backfill SET due_at = %(now)s
 WHERE id IN (
    SELECT backfill.id FROM schedules_backfill AS backfill
     WHERE backfill.id = ANY(%(id)s) AND backfill.due_at > %(now)s AND backfill.pace IS NULL
       AND (SELECT count(*) FROM executions_run AS run
             WHERE run.backfill_id = backfill.id AND run.status = ANY(%(live)s)) <= %(refill_at)s
       FOR UPDATE SKIP LOCKED)
"""
# backfill.step_once, after a step has failed.
POSTPONE_BACKFILL = "UPDATE schedules_backfill SET due_at = %(until)s WHERE id = %(id)s AND due_at IS NOT NULL"


def lock_due_backfill(now: datetime) -> UUID | None:
    """Lock the backfill whose step has been due longest, and return its id.

    Skips backfills that another beat has locked. Returns None if no other backfill is due.
    """
    rows = fetch(LOCK_DUE_BACKFILL, {"now": now})
    return rows[0][0] if rows else None


def lock_backfill(backfill_id: UUID) -> None:
    """Lock a backfill until the transaction ends. Waits while another transaction has it locked."""
    fetch(LOCK_BACKFILL, {"id": backfill_id})


def wake_backfills(backfill_ids: Collection[UUID], now: datetime, refill_at: int) -> None:
    """Make backfills due at `now`, so that they open more runs.

    A backfill of `backfill_ids` is left out if it has ended, has a pace, or has more than `refill_at` live runs. It is
    also left out while another transaction has locked it.
    """
    execute(
        WAKE_BACKFILLS,
        {"id": list(backfill_ids), "now": now, "refill_at": refill_at, "live": [status.value for status in LIVE]},
    )


def postpone_backfill(backfill_id: UUID, until: datetime) -> None:
    """Make the next step of a backfill due at `until`, if the backfill has not ended."""
    execute(POSTPONE_BACKFILL, {"id": backfill_id, "until": until})
