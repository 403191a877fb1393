"""Executes the runs of one Celery message. Without a run pool, runs are claimed, executed and finished in batches.

A message with a single run costs at least two round trips to the database: one for the claim, one for the ending.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from executions.lifecycle import transitions
from executions.lifecycle.types import Ending
from executions.message import BATCH_START_TIMEOUT
from executions.per_process import PerProcess
from executions.states import AttemptStatus, RunStatus
from executions.worker.claims import claim
from executions.worker.one_by_one import ClaimedBatch
from executions.worker.shares import PoolRun
from executions.worker.side_by_side import run_pool
from values import clock
from values.database import RETRYABLE_ERRORS, log_retryable
from values.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

# Claim runs for about 50 ms of work together. A claim and an ending take a few ms, and quick runs share this cost. The
# last run of a batch is delayed by no more than 50 ms, in case another worker is idle.
CLAIM_AHEAD_TIME = timedelta(milliseconds=50)
MAX_GROWTH = 4  # of the batch size from one batch to the next: a few quick runs say little about the next hundred


def execute_runs(
    wanted: Sequence[tuple[UUID, int]],
    worker: str,
    clock: Callable[[], datetime] = clock.now,
    *,
    shares: Mapping[UUID, str] = MappingProxyType({}),
    priority: int = 0,
) -> list[Ending]:
    """Execute the runs of one message, given by (id, claim number), and return the endings of the executed runs.

    A process with a run pool executes the runs at the same time, as far as their `shares` allow: the others wait in the
    pool, runs with a higher `priority` first. Any other process executes the runs one after the other, in batches that
    are expected to take `CLAIM_AHEAD_TIME` each. Runs that have not started after BATCH_START_TIMEOUT are published
    again, for an idle worker. If the database is unavailable, this function raises no error: the beat publishes the
    unclaimed runs again later.
    """
    if run_pool.get().size:
        runs = [PoolRun(run_id, claim_no, shares.get(run_id, ""), priority) for run_id, claim_no in wanted]
        return run_pool.get().execute_runs(runs, worker, clock)
    began_at, left, size = clock(), list(wanted), batch_size.get().size
    ended: list[Ending] = []
    while left:
        batch_at = clock()
        try:
            if batch_at - began_at > BATCH_START_TIMEOUT:
                transitions.republish_at(left, batch_at)
                break
            claims = claim(left[:size], worker, clock)
        except RETRYABLE_ERRORS as error:
            log_retryable("claim", error, n_given_up=len(left))
            break
        ended += ClaimedBatch(claims, clock).execute()
        left = left[size:]
        size = batch_size.get().after(len(claims), clock() - batch_at)
    return ended


def warm_up() -> None:
    """Claim and finish a run that does not exist, so that PostgreSQL's caches are filled before the first real run."""
    now = clock.now()
    run_id = uuid7(now)
    transitions.claim([(run_id, 0)], now, lease=timedelta(0), worker="")
    transitions.finish([Ending(run_id, 1, RunStatus.SUCCEEDED, AttemptStatus.SUCCEEDED)], now)


class BatchSize:
    """The number of runs that this process claims together.

    The size is computed from the duration of the last batch, so that the next batch takes about `CLAIM_AHEAD_TIME`.
    """

    def __init__(self) -> None:
        self.size = 1

    def after(self, n_runs: int, took: timedelta) -> int:
        """Adapt the size after a batch of `n_runs` runs that lasted `took`. Returns the new size, at least 1."""
        each = max(took / max(n_runs, 1), timedelta(microseconds=1))
        self.size = max(1, min(CLAIM_AHEAD_TIME // each, MAX_GROWTH * self.size))
        return self.size


batch_size = PerProcess(BatchSize)
