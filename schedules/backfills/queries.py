"""SQL statements for backfills, each with its purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from executions.states import LIVE
from values.database import execute, fetch

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

# backfill: the one that has waited longest for its pass, and that no other pass has in hand.
LOCK_DUE_BACKFILL = """
SELECT id FROM schedules_backfill WHERE due_at <= %(now)s ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
# backfill.cancel: waits for a step that has it.
LOCK_BACKFILL = "SELECT id FROM schedules_backfill WHERE id = %(id)s FOR UPDATE"
# follow_ups: those of which runs have ended, so that few are left. They hold the jobs, and a step takes a job after its
# backfill: so they wait for none. One that a step has in hand counts what is left once it has the job.
WAKE_BACKFILLS = """
UPDATE schedules_backfill SET due_at = %(now)s
 WHERE id IN (
    SELECT backfill.id FROM schedules_backfill AS backfill
     WHERE backfill.id = ANY(%(id)s) AND backfill.due_at > %(now)s AND backfill.pace IS NULL
       AND (SELECT count(*) FROM executions_run AS run
             WHERE run.backfill_id = backfill.id AND run.status = ANY(%(live)s)) <= %(low)s
       FOR UPDATE SKIP LOCKED)
"""
BACKFILL_LATER = "UPDATE schedules_backfill SET due_at = %(until)s WHERE id = %(id)s AND due_at IS NOT NULL"


def lock_due_backfill(now: datetime) -> UUID | None:
    """Lock a backfill of which a pass is due, and return its id."""
    rows = fetch(LOCK_DUE_BACKFILL, {"now": now})
    return rows[0][0] if rows else None


def lock_backfill(backfill_id: UUID) -> None:
    """Lock a backfill until the transaction ends."""
    fetch(LOCK_BACKFILL, {"id": backfill_id})


def wake_backfills(backfill_ids: Collection[UUID], now: datetime, low: int) -> None:
    """Have those of these that wait for their runs looked at now, if no more than `low` are left."""
    execute(
        WAKE_BACKFILLS, {"id": list(backfill_ids), "now": now, "low": low, "live": [status.value for status in LIVE]}
    )


def backfill_later(backfill_id: UUID, until: datetime) -> None:
    """Look at this backfill again at `until`."""
    execute(BACKFILL_LATER, {"id": backfill_id, "until": until})
