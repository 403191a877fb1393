"""What became of instants of the past: of each, the latest run that carries it out, and what a further one is a retry of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from executions.database import fetch
from executions.history import queries as history_queries
from executions.lifecycle import queries
from executions.states import TERMINAL, Origin, RunStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class InstantOutcome:
    """`backfilled_by` is the run of an earlier backfill of the instant, None when there was none.

    `is_gap`: backfills opened runs, none of which ever began, and the schedule left no row.
    """

    status: RunStatus
    backfilled_by: UUID | None = None
    is_gap: bool = False

    @property
    def is_over(self) -> bool:
        return self.status in TERMINAL


def outcomes_at(job_id: UUID, instants: Sequence[datetime]) -> dict[datetime, InstantOutcome]:
    """Where those of these instants stand, ascending, that have a row, or their place in a folded one."""
    if not instants:
        return {}
    bounds = {"job_id": job_id, "first_at": instants[0], "last_at": instants[-1]}
    found: dict[datetime, InstantOutcome] = {}
    for first_at, last_at in fetch(history_queries.FOLDED_IN, bounds):
        found |= {at: InstantOutcome(RunStatus.SKIPPED) for at in instants if first_at <= at <= last_at}
    rows = fetch(history_queries.OF_INSTANTS, {"job_id": job_id, "nominal_at": list(instants)})
    retries = {run_id: rest for run_id, *rest in fetch(history_queries.RETRIES, {"id": [row[0] for row in rows]})}
    for run_id, nominal_at, origin, status, has_begun in rows:  # in the order in which they were made
        latest, retry_has_begun = retries.get(run_id, (status, False))
        is_idle = origin == Origin.BACKFILL and not (has_begun or retry_has_begun)
        is_gap = is_idle and (nominal_at not in found or found[nominal_at].is_gap)
        backfilled_by = run_id if origin == Origin.BACKFILL else None
        found[nominal_at] = InstantOutcome(RunStatus(latest), backfilled_by, is_gap)
    return found


def count_live(backfill_id: UUID) -> int:
    """How many runs of a backfill are not over."""
    n: int = fetch(queries.COUNT_LIVE_OF_BACKFILL, {"id": backfill_id})[0][0]
    return n


def count_by_status(backfill_id: UUID) -> dict[RunStatus, int]:
    """How many runs of a backfill have which status."""
    return {RunStatus(status): n for status, n in fetch(queries.COUNT_OF_BACKFILL, {"id": backfill_id})}
