"""The runs of one message: claim some, carry them out, write their ends, and so on until none is left.

For one run, two round trips to the database, whatever happens between.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from executions.lifecycle import transitions
from executions.message import BATCH_START_TIMEOUT
from executions.per_process import PerProcess
from executions.states import AttemptStatus, RunStatus
from executions.worker.claims import claim
from executions.worker.one_by_one import ClaimedBatch
from executions.worker.side_by_side import run_pool
from values.database import DATABASE_UNAVAILABLE, one_line
from values.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

log = structlog.get_logger(__name__)

CLAIM_AHEAD_TIME = timedelta(milliseconds=50)  # of work is claimed together, as far as that can be known


def read_clock() -> datetime:
    """Return the present instant. The runner measures real work, so it is an entry point to the clock."""
    return datetime.now(UTC)


def execute_runs(
    wanted: Sequence[tuple[UUID, int]], worker: str, clock: Callable[[], datetime] = read_clock
) -> list[transitions.Ending]:
    """Carry out the runs of one message; returns how they ended. A claim that is spent is passed over.

    Side by side where this process has a run_pool. Else one after the other, of which as many are claimed together as can
    be expected to take `CLAIM_AHEAD_TIME`: quick ones share the round trips, a slow one is alone. What is not begun after
    `BATCH_START_TIMEOUT` goes back to be published to whoever is idle.
    """
    if run_pool.get().size:
        return run_pool.get().execute_runs(wanted, worker, clock)
    began_at, left, size = clock(), list(wanted), claim_size.get().size
    ended: list[transitions.Ending] = []
    while left:
        chunk_at = clock()
        try:
            if chunk_at - began_at > BATCH_START_TIMEOUT:
                transitions.republish_at(left, chunk_at)
                break
            claims = claim(left[:size], worker, clock)
        except DATABASE_UNAVAILABLE as error:
            log.warning("database_away", action="claim", n_given_up=len(left), error=one_line(error))
            break
        ended += ClaimedBatch(claims, clock).execute()
        left = left[size:]
        size = claim_size.get().after(len(claims), clock() - chunk_at)
    return ended


def warm_up() -> None:
    """Claim and finish a run that does not exist: then the server has read what it needs for those that do."""
    now = read_clock()
    run_id = uuid7(now)
    transitions.claim([(run_id, 0)], now, lease=timedelta(0), worker="")
    transitions.finish([transitions.Ending(run_id, 1, RunStatus.SUCCEEDED, AttemptStatus.SUCCEEDED)], now)


class ClaimSize:
    """How many runs this process claims together, from the time that those before took."""

    def __init__(self) -> None:
        self.size = 1

    def after(self, n_runs: int, took: timedelta) -> int:
        """Learn from a chunk; returns the size of the next one, at the most four times that of the last."""
        each = max(took / max(n_runs, 1), timedelta(microseconds=1))
        self.size = max(1, min(CLAIM_AHEAD_TIME // each, 4 * self.size))
        return self.size


claim_size = PerProcess(ClaimSize)
