"""The thread pool of a worker that executes many runs at the same time, from one or more messages.

Workers for slow calls (HTTP) use this pool. Celery's own pool has one thread per message, which executes one run of the
message. The threads of this pool execute the other runs of the message, and runs that have waited for a place.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

import structlog
from django.db import connections

from executions.lifecycle import queries, transitions
from executions.lifecycle.types import Ending
from executions.per_process import PerProcess
from executions.worker import attempt, end_writer
from executions.worker.claims import claim
from executions.worker.heartbeat import heartbeat
from executions.worker.shares import FairShares, PoolRun
from values.clock import now
from values.database import RETRYABLE_ERRORS, execute, log_retryable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from datetime import datetime
    from uuid import UUID

    from executions.worker.shares import LateRuns

log = structlog.get_logger(__name__)

Placed: TypeAlias = tuple[PoolRun, attempt.PreparedAttempt]

# Seconds. The minimum time between two claims of waiting runs, so that places that become free close together share one
# statement.
MIN_CLAIM_INTERVAL = 0.01
FRESH_CHECK_INTERVAL = 0.05  # seconds between two checks whether a fresh run has become late
MAX_ROWS = 1000  # per statement: row locks stay short
# When a run that waits in this process is published again, in case the process dies: after the time that it has waited
# already, at least 10 s and at most 10 minutes. So a crash at most doubles the wait, and long waits cost few messages.
MIN_WAIT, MAX_WAIT = timedelta(seconds=10), timedelta(minutes=10)


class RunPool:
    """The run pool of a process. Until `start` is called, `size` is 0, and runs are executed one after the other."""

    def __init__(self) -> None:
        self.size = self._n_messages = self._n_reported = 0
        self._worker = ""
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._started_late: set[Future[None]] = set()

    def start(self, size: int, on_change: Callable[[], object]) -> None:
        """Allow `size` runs at the same time. `on_change` is called after changes of `n_extra`, in any thread."""
        self.size = size
        self._shares = FairShares(size)
        self._on_change = on_change
        self._threads = ThreadPoolExecutor(size, "mainspring-run")
        self._starter = threading.Thread(target=self._serve_waiting, name="mainspring-waiting", daemon=True)
        self._starter.start()

    @property
    def n_extra(self) -> int:
        """The number of runs that are executed or fresh, minus the number of messages.

        Celery counts messages, not runs, so the consumer prefetches `n_extra` fewer messages.
        """
        with self._changed:
            return self._shares.n_taken + self._shares.n_fresh - self._n_messages

    def execute_runs(self, runs: Sequence[PoolRun], worker: str, clock: Callable[[], datetime]) -> list[Ending]:
        """Execute the runs of one message that may start now. Returns their endings when all of them have ended.

        All other runs wait in this object for a place, and the message does not wait for them. Neither a waiting run
        nor a run without a claim is lost: the beat publishes it again later.
        """
        self._worker = worker
        ended: list[Ending] = []
        others: list[Future[Ending]] = []
        with self._changed:
            self._n_messages += 1
            starting = self._shares.enter(runs, time.monotonic())
            left = self._shares.clear() if self._stopped.is_set() else []
            if len(starting) < len(runs):
                self._changed.notify()
        self._report(is_due=len(runs) > 1)  # until then, the consumer fetches nothing
        try:
            self._publish_now(left)
            placed = self._claim(starting, clock)
            own = placed.pop() if placed else None
            others = [self._threads.submit(self._execute_in_pool, each, clock) for each in placed]
            if own:
                ended.append(self._execute(own, clock))
        except RETRYABLE_ERRORS as error:
            log_retryable("claim", error, n_given_up=len(starting))
        finally:
            connections.close_all()  # return them: the connection pool is far smaller than the thread pool
            wait(others)
            with self._changed:
                self._n_messages -= 1
            self._report()
        return ended + [each.result() for each in others]

    def stop(self) -> None:
        """Start no waiting run any more: publish all of them now. Returns when the runs that had waited have ended."""
        if self.size:
            with self._changed:
                self._stopped.set()
                self._changed.notify()
            self._starter.join()
            wait(list(self._started_late))

    def _claim(self, starting: Sequence[PoolRun], clock: Callable[[], datetime]) -> list[Placed]:
        """Claim runs that have a place in the pool. A run that can't be claimed leaves its place."""
        if not starting:
            return []
        placed: list[Placed] = []
        try:
            claims = claim([run.claim_key for run in starting], self._worker, clock)
            by_id = {run.run_id: run for run in starting}
            placed = [(by_id[each.run_id], attempt.prepare(each)) for each in claims]
            connections.close_all()  # after an error, the caller closes them, when it has logged the cause
        finally:
            claimed = {run.run_id for run, _ in placed}
            for run in starting:
                if run.run_id not in claimed:
                    self._leave(run)
        for _, prepared in placed:
            heartbeat.get().add(prepared.context)
        return placed

    def _execute(self, placed: Placed, clock: Callable[[], datetime]) -> Ending:
        run, prepared = placed
        began = time.monotonic()
        try:
            ending = attempt.execute(prepared, clock)
            end_writer.write([(prepared, ending)], clock)
        finally:
            heartbeat.get().remove(prepared.context)
            connections.close_all()
            self._leave(run, time.monotonic() - began)
        return ending

    def _execute_in_pool(self, placed: Placed, clock: Callable[[], datetime]) -> Ending:
        try:
            return self._execute(placed, clock)
        finally:
            self._report()

    def _leave(self, run: PoolRun, took: float | None = None) -> None:
        with self._changed:
            self._shares.leave(run, time.monotonic(), took)
            if self._shares.n_waiting:
                self._changed.notify()

    def _report(self, *, is_due: bool = False) -> None:
        """Report a change of `n_extra`; if `is_due`, also if it has not changed."""
        n_extra = self.n_extra
        if is_due or n_extra != self._n_reported:
            self._n_reported = n_extra
            self._on_change()

    def _serve_waiting(self) -> None:
        """Start waiting runs when places become free, and postpone the publication of runs that do not start soon."""
        while not self._stopped.is_set():
            with self._changed:
                starting = self._shares.start_waiting(time.monotonic())
                late = self._shares.pop_late(time.monotonic())
                if not (starting or late.kept or late.returned or self._stopped.is_set()):
                    self._changed.wait(FRESH_CHECK_INTERVAL if self._shares.n_fresh else None)
                    continue
            self._start_late(starting)
            self._postpone(late)
            self._report()
            self._stopped.wait(MIN_CLAIM_INTERVAL)
        with self._changed:
            waiting = self._shares.clear()
        self._publish_now(waiting)
        connections.close_all()

    def _start_late(self, starting: Sequence[PoolRun]) -> None:
        try:
            for placed in self._claim(starting, now):
                future = self._threads.submit(self._execute_late, placed)
                self._started_late.add(future)
                future.add_done_callback(self._started_late.discard)
        except RETRYABLE_ERRORS as error:
            log_retryable("claim", error, n_given_up=len(starting))
        except Exception:
            log.exception("waiting_runs_failed", action="claim", n_runs=len(starting))
        finally:
            connections.close_all()

    def _execute_late(self, placed: Placed) -> None:
        try:
            self._execute_in_pool(placed, now)
        except Exception:
            log.exception("waiting_runs_failed", action="execute", n_runs=1)

    def _postpone(self, late: LateRuns) -> None:
        if late.kept:
            log.debug("waiting_for_share", action="wait", n_runs=len(late.kept), n_waiting=self._shares.n_waiting)
            self._write(late.kept, postpone)
        self._publish_now(late.returned)

    def _publish_now(self, runs: Sequence[PoolRun]) -> None:
        if runs:
            self._write(runs, transitions.republish_at)

    def _write(self, runs: Sequence[PoolRun], write: Callable[[Sequence[tuple[UUID, int]], datetime], object]) -> None:
        """Change when these runs are published. After one of RETRYABLE_ERRORS the runs stay published as they are."""
        try:
            for first in range(0, len(runs), MAX_ROWS):
                write([run.claim_key for run in runs[first : first + MAX_ROWS]], now())
        except RETRYABLE_ERRORS as error:
            log_retryable("postpone", error, n_runs=len(runs))
        except Exception:
            log.exception("waiting_runs_failed", action="postpone", n_runs=len(runs))
        finally:
            connections.close_all()


def postpone(claims: Sequence[tuple[UUID, int]], at: datetime) -> int:
    """Postpone the publication of queued runs that wait in a worker. Returns the number of runs."""
    values = {"id": [run_id for run_id, _ in claims], "claim_no": [claim_no for _, claim_no in claims]}
    return execute(queries.POSTPONE, values | {"now": at, "min_wait": MIN_WAIT, "max_wait": MAX_WAIT})


run_pool = PerProcess(RunPool)
