"""Writes when the runs that wait in a worker for a place (`shares.py`) are published again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from executions.lifecycle import queries, transitions
from values.database import execute

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

MAX_ROWS = 1000  # per statement: row locks stay short
# When a run that waits in this process is published again, in case the process dies: after the time that it has waited
# already, at least 10 s and at most 10 minutes. So a crash at most doubles the wait, and long waits cost few messages.
MIN_WAIT, MAX_WAIT = timedelta(seconds=10), timedelta(minutes=10)


def postpone(claims: Sequence[tuple[UUID, int]], now: datetime) -> int:
    """Postpone the publication of queued runs that wait in a worker. Returns the number of runs."""
    return sum(_postpone(some, now) for some in _in_batches(claims))


def publish_now(claims: Sequence[tuple[UUID, int]], now: datetime) -> int:
    """Publish queued runs again that do not wait in a worker any more. Returns the number of runs."""
    return sum(transitions.republish_at(some, now) for some in _in_batches(claims))


def _postpone(claims: Sequence[tuple[UUID, int]], now: datetime) -> int:
    values = {"id": [run_id for run_id, _ in claims], "claim_no": [claim_no for _, claim_no in claims]}
    return execute(queries.POSTPONE, values | {"now": now, "min_wait": MIN_WAIT, "max_wait": MAX_WAIT})


def _in_batches(claims: Sequence[tuple[UUID, int]]) -> Iterator[Sequence[tuple[UUID, int]]]:
    for first in range(0, len(claims), MAX_ROWS):
        yield claims[first : first + MAX_ROWS]
