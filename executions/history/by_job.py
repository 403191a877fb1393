"""The rows of a job's occurrences, for who holds them against what was expected; and what is told by one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from executions.history import queries
from executions.history.occurrence import Record
from executions.states import Origin
from values.database import execute, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

MAX_ROWS_PER_QUERY = 500
AFTER_ALL_ORIGINS = "~"  # sorts after every origin


def occurrence_rows(job_id: UUID, after: datetime, until: datetime) -> Iterator[Record]:
    """The rows of a job's schedule and of backfills in (after, until], by nominal instant, read as they are needed.

    A folded row that began before `after` and reaches into the window comes first. Of a backfill's run that never began,
    the latest retry that did is told in its place.
    """
    values = {"job_id": job_id, "after": after, "after_origin": AFTER_ALL_ORIGINS, "until": until}
    for row in fetch(queries.FOLDED, values):
        if (folded := Record(*row)).last_nominal_at > after:
            yield folded
    values |= {"limit": MAX_ROWS_PER_QUERY}
    rows = [Record(*row) for row in fetch(queries.RECORDED, values)]
    while rows:
        yield from _retried(rows)
        if len(rows) < MAX_ROWS_PER_QUERY:
            break
        values |= {"after": rows[-1].nominal_at, "after_origin": rows[-1].origin}
        rows = [Record(*row) for row in fetch(queries.RECORDED, values)]


def _retried(rows: Sequence[Record]) -> Iterator[Record]:
    idle = [row.run_id for row in rows if row.origin == Origin.BACKFILL and not row.has_begun]
    again = {retry_of: Record(*row) for retry_of, *row in fetch(queries.BEGUN_RETRIES, {"id": idle})} if idle else {}
    for row in rows:
        retry = again.get(row.run_id)
        yield (
            retry._replace(origin=row.origin, nominal_at=row.nominal_at, last_nominal_at=row.last_nominal_at)
            if retry
            else row
        )


def occurrence_rows_of_jobs(windows: Mapping[UUID, tuple[datetime, datetime]], limit: int) -> dict[UUID, list[Record]]:
    """The same for several jobs, each with its window, in one query: up to `limit` rows of each, none folded from before."""
    found: dict[UUID, list[Record]] = {job_id: [] for job_id in windows}
    if windows:
        values = {
            "job_id": list(windows),
            "after": [after for after, _ in windows.values()],
            "until": [until for _, until in windows.values()],
            "limit": limit,
        }
        for job_id, *row in fetch(queries.RECORDED_OF_JOBS, values):
            found[job_id].append(Record(*row))
    return found


def last_scheduled_at(job_id: UUID, after: datetime) -> datetime | None:
    """The latest instant after `after` of which a job's schedule left a row, started or not; None: none is kept."""
    rows = fetch(queries.LAST_OF_SCHEDULE, {"job_id": job_id, "after": after})
    return rows[0][0] if rows else None


def append_event(job_id: UUID, kind: str, now: datetime, *, reason: str, on_first: bool = False) -> bool:
    """Append an event to the latest run of a job, or to its first, whatever its state; False: it has no run."""
    statement = queries.NOTE_ON_FIRST if on_first else queries.NOTE_ON_LATEST
    return bool(execute(statement, {"job_id": job_id, "kind": kind, "now": now, "reason": reason}))
