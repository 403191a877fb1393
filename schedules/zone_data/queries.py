"""The SQL statements of the time zone data. The comment above a statement names its caller and its purpose."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from values.database import array, execute, fetch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

# adoption: wait until no other beat puts a version in force or does a step of the recomputation.
LOCK_IN_FORCE = "SELECT version FROM schedules_zonedatainforce FOR UPDATE"

# adoption: lock the progress of the recomputation, so that one beat at a time does a step. Skips a locked row.
LOCK_DUE_RECOMPUTATION = """
SELECT id FROM schedules_zonedatainforce WHERE due_at <= %(now)s FOR UPDATE SKIP LOCKED
"""

# adoption: the next jobs in the order of their ids, whatever they are, so that a step reads a limited part of the
# table. Reads the zones without the rest of the schedule: most jobs are in zones that have not changed. A schedule that
# cannot be read may have anything in the place of the list.
PAGE_OF_JOBS = """
SELECT id, CASE WHEN state = 'active' THEN zone_data END, schedule->>'timezone',
       array(SELECT member->>'timezone' FROM jsonb_array_elements(
           CASE WHEN jsonb_typeof(schedule->'specs') = 'array' THEN schedule->'specs' END) AS member)
  FROM schedules_job WHERE id > %(after)s ORDER BY id LIMIT %(limit)s
"""
CLOCKS = """
SELECT id, schedule, zone_data, holds, mark_at, next_run_at FROM schedules_job WHERE id = ANY(%(id)s)
"""

# adoption: set the next instants of jobs, unless somebody has changed a job's clock since it was read. SKIP LOCKED:
# a tick or a person may be changing a job; the next round reads it again.
MOVE = """
UPDATE schedules_job AS job SET next_run_at = moved.next_run_at
  FROM unnest(%(id)s::uuid[], %(mark_at)s::timestamptz[], %(zone_data)s::text[], %(next_run_at)s::timestamptz[])
       AS moved (id, mark_at, zone_data, next_run_at)
 WHERE job.id IN (SELECT id FROM schedules_job WHERE id = ANY(%(id)s) FOR UPDATE SKIP LOCKED)
   AND job.id = moved.id AND job.state = 'active' AND job.mark_at = moved.mark_at AND job.zone_data = moved.zone_data
"""

# changes: store the holds of jobs whose version has changed. The tick has locked the jobs.
SET_HOLDS = """
UPDATE schedules_job AS job SET holds = changed.holds::jsonb
  FROM unnest(%(id)s::uuid[], %(holds)s::text[]) AS changed (id, holds)
 WHERE job.id = changed.id AND (job.holds IS NOT NULL OR changed.holds IS NOT NULL)
"""
# changes: end the present spans of these jobs at their marks. A span that would be empty is deleted.
DROP_EMPTY_SPANS = """
DELETE FROM schedules_schedulespan AS span
 USING unnest(%(job_id)s::uuid[], %(until_at)s::timestamptz[]) AS changed (job_id, until_at)
 WHERE span.job_id = changed.job_id AND span.until_at IS NULL AND span.from_at >= changed.until_at
"""
END_SPANS = """
UPDATE schedules_schedulespan AS span SET until_at = changed.until_at
  FROM unnest(%(job_id)s::uuid[], %(until_at)s::timestamptz[]) AS changed (job_id, until_at)
 WHERE span.job_id = changed.job_id AND span.until_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class JobZones:
    """The zones of a job's schedule. `version`: the version of its clock; None if the job is not active."""

    id: UUID
    version: str | None
    zone: str | None
    zones: list[str]


@dataclass(frozen=True, slots=True)
class StoredClock:
    """The columns of a job from which its next instant follows. `schedule` and `holds` are JSON, as stored."""

    id: UUID
    schedule: str
    zone_data: str
    holds: str | None
    mark_at: datetime
    next_run_at: datetime | None


def lock_in_force() -> None:
    """Lock the row of the version in force until the transaction ends. Waits for the lock."""
    fetch(LOCK_IN_FORCE, {})


def lock_due_recomputation(now: datetime) -> bool:
    """Lock the recomputation until the transaction ends, if a step is due and no other beat has locked it."""
    return bool(fetch(LOCK_DUE_RECOMPUTATION, {"now": now}))


def page_of_jobs(after: UUID, limit: int) -> list[JobZones]:
    """Return up to `limit` jobs with ids greater than `after`, in the order of their ids."""
    return [JobZones(*row) for row in fetch(PAGE_OF_JOBS, {"after": after, "limit": limit})]


def clocks(job_ids: Sequence[UUID]) -> list[StoredClock]:
    """Return the clocks of these jobs."""
    return [StoredClock(*row) for row in fetch(CLOCKS, {"id": list(job_ids)})]


def move(found: Sequence[tuple[StoredClock, datetime]]) -> int:
    """Give each job its new next instant, unless its clock has changed since it was read. Return how many got it."""
    values = {
        "id": array(clock.id for clock, _ in found),
        "mark_at": array(clock.mark_at for clock, _ in found),
        "zone_data": array(clock.zone_data for clock, _ in found),
        "next_run_at": array(at for _, at in found),
    }
    return execute(MOVE, values)


def set_holds(holds: Sequence[tuple[UUID, list[str | None] | None]]) -> None:
    """Store the holds of these jobs. The caller has locked the jobs."""
    texts = [None if each is None else json.dumps(each) for _, each in holds]
    execute(SET_HOLDS, {"id": [job_id for job_id, _ in holds], "holds": texts})


def end_spans(ends: Sequence[tuple[UUID, datetime]]) -> None:
    """End the present span of each job at the given instant. The caller has locked the jobs."""
    values = {"job_id": [job_id for job_id, _ in ends], "until_at": [until_at for _, until_at in ends]}
    execute(DROP_EMPTY_SPANS, values)
    execute(END_SPANS, values)
