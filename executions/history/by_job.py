"""Reads the rows of a job's occurrences, for the ledger and the watchdog, and appends events to a job's runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from executions.history import queries
from executions.history.occurrence import Record
from executions.states import Origin
from values.database import array, execute, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

MAX_ROWS_PER_QUERY = 500  # a page of the ledger in one query, and little memory for a window of years
AFTER_ALL_ORIGINS = "~"  # sorts after every origin


def occurrence_rows(job_id: UUID, after: datetime, until: datetime) -> Iterator[Record]:
    """Yield the rows of a job's scheduled and backfill runs with a nominal instant in (after, until], in order.

    The first row may be a folded row (one row for several skipped occurrences) that begins before this window and
    reaches into it. A backfill run that ended without starting is replaced by its latest started or live retry, if
    there is one. The rows are queried page by page.
    """
    values = {"job_id": job_id, "after": after, "after_origin": AFTER_ALL_ORIGINS, "until": until}
    for row in fetch(queries.FOLDED, values):
        if (folded := Record(*row)).last_nominal_at > after:
            yield folded
    values |= {"limit": MAX_ROWS_PER_QUERY}
    rows = [Record(*row) for row in fetch(queries.OCCURRENCE_ROWS, values)]
    while rows:
        yield from _replace_by_retries(rows)
        if len(rows) < MAX_ROWS_PER_QUERY:
            break
        values |= {"after": rows[-1].nominal_at, "after_origin": rows[-1].origin}
        rows = [Record(*row) for row in fetch(queries.OCCURRENCE_ROWS, values)]


def _replace_by_retries(rows: Sequence[Record]) -> Iterator[Record]:
    idle = [row.run_id for row in rows if row.origin == Origin.BACKFILL and not row.has_begun]
    again = {retry_of: Record(*row) for retry_of, *row in fetch(queries.STARTED_RETRIES, {"id": idle})} if idle else {}
    for row in rows:
        retry = again.get(row.run_id)
        yield (
            retry._replace(origin=row.origin, nominal_at=row.nominal_at, last_nominal_at=row.last_nominal_at)
            if retry
            else row
        )


def occurrence_rows_of_jobs(windows: Mapping[UUID, tuple[datetime, datetime]], limit: int) -> dict[UUID, list[Record]]:
    """Return the first `limit` rows per job with a nominal instant in the job's window (after, until]. One query.

    Unlike `occurrence_rows`, this returns no retries, and no folded rows (one row for several skipped occurrences)
    that begin before the window.
    """
    found: dict[UUID, list[Record]] = {job_id: [] for job_id in windows}
    if windows:
        values = {
            "job_id": list(windows),
            "after": [after for after, _ in windows.values()],
            "until": [until for _, until in windows.values()],
            "limit": limit,
        }
        for job_id, *row in fetch(queries.OCCURRENCE_ROWS_OF_JOBS, values):
            found[job_id].append(Record(*row))
    return found


def last_scheduled_at(job_id: UUID, after: datetime) -> datetime | None:
    """Return the latest instant after `after` for which the job's schedule created a row; None if there is none."""
    rows = fetch(queries.LAST_SCHEDULED_AT, {"job_id": job_id, "after": after})
    return rows[0][0] if rows else None


def jobs_failed_in_a_row(latest: Mapping[UUID, tuple[int, datetime | None]]) -> set[UUID]:
    """Return the jobs whose latest n runs have all failed. Only runs that succeeded or failed count. One query.

    `latest`: for each job, n and an instant. Only runs with a later nominal instant count (None: all of them count).
    """
    values = {
        "job_id": list(latest),
        "n_runs": [n_runs for n_runs, _ in latest.values()],
        "after": array(after or "-infinity" for _, after in latest.values()),
    }
    return {job_id for (job_id,) in fetch(queries.FAILED_IN_A_ROW, values)} if latest else set()


def append_event(job_id: UUID, kind: str, now: datetime, *, reason: str, on_first: bool = False) -> bool:
    """Append an event to a job's latest run (`on_first`: to its first run). Return False if the job has no run."""
    statement = queries.APPEND_EVENT_TO_FIRST if on_first else queries.APPEND_EVENT_TO_LATEST
    return bool(execute(statement, {"job_id": job_id, "kind": kind, "now": now, "reason": reason}))
