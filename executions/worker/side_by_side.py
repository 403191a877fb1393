"""The thread pool of a worker that executes many runs at the same time, from one or more messages.

Workers for slow calls (HTTP) use this pool. Celery's own pool has one thread per message, which executes the last run
of the message. The threads of this pool execute the other runs of the message.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from django.db import connections

from executions.lifecycle import transitions
from executions.lifecycle.types import Ending
from executions.message import BATCH_START_TIMEOUT
from executions.per_process import PerProcess
from executions.worker import attempt, end_writer
from executions.worker.claims import claim
from executions.worker.heartbeat import heartbeat
from values.database import RETRYABLE_ERRORS, log_retryable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from datetime import datetime, timedelta
    from uuid import UUID


class RunPool:
    """The run pool of a process. Until `start` is called, `size` is 0, and runs are executed one after the other.

    `n_extra` is the number of runs that have not ended, minus the number of their messages. Celery counts messages, not
    runs, so the consumer prefetches `n_extra` fewer messages.
    """

    def __init__(self) -> None:
        self.size = self._n_free = self.n_extra = 0
        self._changed = threading.Condition()

    def start(self, size: int, on_change: Callable[[], object]) -> None:
        """Allow `size` runs at the same time. `on_change` is called after each change of `n_extra`, in any thread."""
        self.size = self._n_free = size
        self._on_change = on_change
        self._threads = ThreadPoolExecutor(size, "mainspring-run")

    def execute_runs(
        self, wanted: Sequence[tuple[UUID, int]], worker: str, clock: Callable[[], datetime]
    ) -> list[Ending]:
        """Execute the runs of one message at the same time. Returns the endings of the executed runs.

        `wanted`: the id and the claim number of each run. Runs for which the pool has no free place within
        BATCH_START_TIMEOUT are published again, for an idle worker.
        """
        began_at, left = clock(), list(wanted)
        ended: list[Ending] = []
        others: list[Future[Ending]] = []
        self._add_extra(len(left) - 1)
        try:
            while left:
                n_places = self._reserve(len(left), BATCH_START_TIMEOUT - (clock() - began_at))
                if not n_places:
                    transitions.republish_at(left, clock())
                    break
                claimed = self._claim(left[:n_places], worker, clock)
                left = left[n_places:]
                own = claimed.pop() if claimed and not left else None
                others += [self._threads.submit(self._execute, each, clock) for each in claimed]
                if own:
                    ended.append(self._execute(own, clock))
        except RETRYABLE_ERRORS as error:
            log_retryable("claim", error, n_given_up=len(left))
        finally:
            connections.close_all()  # return them: the connection pool is far smaller than the thread pool
            wait(others)
            self._add_extra(1 - len(left))
        return ended + [each.result() for each in others]

    def _claim(
        self, wanted: Sequence[tuple[UUID, int]], worker: str, clock: Callable[[], datetime]
    ) -> list[attempt.PreparedAttempt]:
        """Claim runs. The caller has reserved a place in the pool for each run.

        A run that can't be claimed releases its place.
        """
        claimed: list[attempt.PreparedAttempt] = []
        try:
            claimed = [attempt.prepare(each) for each in claim(wanted, worker, clock)]
            connections.close_all()  # after an error, the caller closes them, when it has logged the cause
        finally:
            self._release(len(wanted) - len(claimed))
        for each in claimed:
            heartbeat.get().add(each.context)
        self._add_extra(len(claimed) - len(wanted))
        return claimed

    def _execute(self, prepared: attempt.PreparedAttempt, clock: Callable[[], datetime]) -> Ending:
        try:
            ending = attempt.execute(prepared, clock)
            end_writer.write([(prepared, ending)], clock)
        finally:
            heartbeat.get().remove(prepared.context)
            connections.close_all()
            self._release(1)
            self._add_extra(-1)
        return ending

    def _reserve(self, n_wanted: int, within: timedelta) -> int:
        """Reserve up to `n_wanted` places; wait up to `within` for the first place. Returns the number of places."""
        with self._changed:
            self._changed.wait_for(lambda: self._n_free, max(within.total_seconds(), 0))
            n_taken = min(n_wanted, self._n_free)
            self._n_free -= n_taken
        return n_taken

    def _release(self, n_places: int) -> None:
        with self._changed:
            self._n_free += n_places
            self._changed.notify(n_places)

    def _add_extra(self, n_more: int) -> None:
        with self._changed:
            self.n_extra += n_more
        if n_more:
            self._on_change()


run_pool = PerProcess(RunPool)
