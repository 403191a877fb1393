"""For backfills: the status of the latest run at each past instant of a job, and whether a backfill created the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from executions.history import queries
from executions.states import TERMINAL, Origin, RunStatus
from values.database import fetch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class InstantState:
    """The state of one past instant.

    `status`: the status of the latest run or, if this run was retried, the status of its latest retry.
    `backfilled_by`: the id of the latest run if a backfill created that run, otherwise None. `is_gap`: the schedule
    created no row for the instant, and no run of a backfill has started or is live.
    """

    status: RunStatus
    backfilled_by: UUID | None = None
    is_gap: bool = False

    @property
    def is_over(self) -> bool:
        """Whether `status` is the status of an ended run."""
        return self.status in TERMINAL


def instant_states(job_id: UUID, instants: Sequence[datetime]) -> dict[datetime, InstantState]:
    """Return the states by instant. Instants without a row are left out. `instants` must be in ascending order.

    A folded row (one row for several skipped occurrences) counts as a row of each instant that it covers.
    """
    if not instants:
        return {}
    bounds = {"job_id": job_id, "first_at": instants[0], "last_at": instants[-1]}
    found: dict[datetime, InstantState] = {}
    for first_at, last_at in fetch(queries.FOLDED_IN, bounds):
        found |= {at: InstantState(RunStatus.SKIPPED) for at in instants if first_at <= at <= last_at}
    rows = fetch(queries.ROWS_OF_INSTANTS, {"job_id": job_id, "nominal_at": list(instants)})
    retries = {run_id: rest for run_id, *rest in fetch(queries.RETRIES, {"id": [row[0] for row in rows]})}
    for run_id, nominal_at, origin, status, has_started in rows:  # ordered by creation: the latest run wins
        latest, retry_has_started = retries.get(run_id, (status, False))
        is_idle = origin == Origin.BACKFILL and not (has_started or retry_has_started)
        is_gap = is_idle and (nominal_at not in found or found[nominal_at].is_gap)
        backfilled_by = run_id if origin == Origin.BACKFILL else None
        found[nominal_at] = InstantState(RunStatus(latest), backfilled_by, is_gap)
    return found


def count_live(backfill_id: UUID) -> int:
    """Return the number of live runs of a backfill."""
    n: int = fetch(queries.COUNT_LIVE_OF_BACKFILL, {"id": backfill_id})[0][0]
    return n


def count_by_status(backfill_ids: Sequence[UUID]) -> dict[UUID, dict[RunStatus, int]]:
    """Return the numbers of runs by backfill id and status. Statuses without runs are left out."""
    found: dict[UUID, dict[RunStatus, int]] = {each: {} for each in backfill_ids}
    for backfill_id, status, n in fetch(queries.COUNT_OF_BACKFILLS, {"ids": list(backfill_ids)}):
        found[backfill_id][RunStatus(status)] = n
    return found
