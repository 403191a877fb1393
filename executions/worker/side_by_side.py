"""The thread pool of a worker that executes many runs at the same time, from one or more messages.

Workers for slow calls (HTTP) use this pool. Celery's own pool has one thread per message, which executes one run of the
message. The threads of this pool execute the other runs of the message, and runs that have waited for a place.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import structlog
from django.db import connections

from executions.lifecycle import transitions
from executions.lifecycle.types import Ending
from executions.per_process import PerProcess
from executions.worker import attempt, end_writer, waiting
from executions.worker.claims import claim
from executions.worker.heartbeat import heartbeat
from executions.worker.run_threads import RunThreads
from executions.worker.shares import FairShares, PoolRun
from values.clock import now
from values.database import RETRYABLE_ERRORS, log_retryable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from datetime import datetime
    from uuid import UUID

log = structlog.get_logger(__name__)

Placed: TypeAlias = tuple[PoolRun, attempt.PreparedAttempt]

# Seconds. The minimum time between two claims of waiting runs, so that places that become free close together share one
# statement.
MIN_CLAIM_INTERVAL = 0.01
FRESH_CHECK_INTERVAL = 0.05  # seconds between two checks whether a fresh run has become late
FAILURE_PAUSE = 1.0  # seconds before waiting runs are started again after an unexpected error or a refused thread


class RunPool:
    """The run pool of a process. Until `start` is called, `size` is 0, and runs are executed one after the other.

    Each run that has a place belongs to one thread at a time, which frees the place, whatever fails: the thread that
    claims the run, then the thread that executes it. Only the latter lets the heartbeat renew the run's lease, so the
    reaper recovers each claimed run that nobody executes.
    """

    def __init__(self) -> None:
        self.size = self._n_messages = self._n_reported = 0
        self._worker = ""
        self._lock = threading.RLock()  # protects `_shares` and the numbers above
        self._may_start = threading.Event()  # whether a run has begun to wait, or a place is free for one
        self._stopped = threading.Event()
        self._started_late: set[Future[Ending | None]] = set()

    def start(self, size: int, on_change: Callable[[], object]) -> None:
        """Allow `size` runs at the same time. `on_change` is called after changes of `n_extra`, in any thread."""
        self._shares = FairShares(size)
        self._on_change = on_change
        self._threads = RunThreads(size)
        self._heartbeat = heartbeat.get()  # now: later, the system may refuse its thread
        self._starter = threading.Thread(target=self._serve_waiting, name="mainspring-waiting", daemon=True)
        self._starter.start()
        self.size = size

    @property
    def n_extra(self) -> int:
        """The number of runs that are executed or fresh, minus the number of messages.

        Celery counts messages, not runs, so the consumer prefetches `n_extra` fewer messages.
        """
        with self._lock:
            return self._shares.n_taken + self._shares.n_fresh - self._n_messages

    def execute_runs(self, runs: Sequence[PoolRun], worker: str, clock: Callable[[], datetime]) -> list[Ending]:
        """Execute the runs of one message that may start now. Returns their endings when all of them have ended.

        All other runs wait in this object for a place, and the message does not wait for them. Neither a waiting run
        nor a run without a claim is lost: the beat publishes it again later.
        """
        self._worker = worker
        with self._lock:
            starting = self._shares.enter(runs, time.monotonic())
            self._n_messages += 1
            left = self._shares.clear() if self._stopped.is_set() else []
        if len(starting) < len(runs):
            self._may_start.set()
        try:
            self._report(is_due=len(runs) > 1)  # until then, the consumer fetches nothing
            _write(left, waiting.publish_now)
            placed = self._claim(starting, clock)
            others = self._start_threads(placed[1:], clock)
            ended = [self._execute(each, clock) for each in placed[:1]]
            ended += [each.result() for each in others]
            return [ending for ending in ended if ending]
        finally:
            with self._lock:
                self._n_messages -= 1
            self._report()

    def stop(self) -> None:
        """Start no waiting run any more: publish all of them now. Returns when the runs that had waited have ended."""
        if self.size:
            self._stopped.set()
            self._may_start.set()
            self._starter.join()
            wait(list(self._started_late))

    def _claim(self, starting: Sequence[PoolRun], clock: Callable[[], datetime]) -> list[Placed]:
        """Claim runs that have a place in the pool. A run that can't be claimed leaves its place."""
        placed: list[Placed] = []
        if starting:
            by_id = {run.run_id: run for run in starting}
            with _step("claim", len(starting)):
                claims = claim([run.claim_key for run in starting], self._worker, clock)
                placed = [(by_id[each.run_id], attempt.prepare(each)) for each in claims]
            self._leave(set(starting) - {run for run, _ in placed})
        return placed

    def _start_threads(self, placed: Sequence[Placed], clock: Callable[[], datetime]) -> list[Future[Ending | None]]:
        """Execute these runs in threads. If the system refuses a thread, the runs without a thread are queued again."""
        started: list[Future[Ending | None]] = []
        try:
            for each in placed:
                started.append(self._threads.submit(self._execute_in_thread, each, clock))
        except Exception:
            refused = placed[len(started) :]
            log.exception("thread_refused", action="start_thread", n_runs=len(refused))
            with _step("give_back", len(refused)):
                transitions.return_claims([prepared.context.claim_key for _, prepared in refused], clock())
            self._leave(run for run, _ in refused)
        return started

    def _execute_in_thread(self, placed: Placed, clock: Callable[[], datetime]) -> Ending | None:
        try:
            return self._execute(placed, clock)
        finally:
            self._report()

    def _execute(self, placed: Placed, clock: Callable[[], datetime]) -> Ending | None:
        """Execute a claimed run and free its place. Returns None after an error."""
        run, prepared = placed
        began = time.monotonic()
        self._heartbeat.add(prepared.context)
        try:
            with _step("execute", 1):
                ending = attempt.execute(prepared, clock)
                end_writer.write([(prepared, ending)], clock)
                return ending
            return None
        finally:
            self._heartbeat.remove(prepared.context)
            self._leave([run], time.monotonic() - began)

    def _leave(self, runs: Iterable[PoolRun], took: float | None = None) -> None:
        with self._lock:
            for run in runs:
                self._shares.leave(run, time.monotonic(), took)
            if self._shares.n_waiting:
                self._may_start.set()

    def _report(self, *, is_due: bool = False) -> None:
        """Report a change of `n_extra`; if `is_due`, also if it has not changed."""
        with self._lock:
            is_due = is_due or self.n_extra != self._n_reported
            self._n_reported = self.n_extra
        if is_due:
            with _step("report", 0):
                self._on_change()

    def _serve_waiting(self) -> None:
        """Start waiting runs when places become free, and postpone the publication of runs that do not start soon."""
        while not self._stopped.is_set():
            self._may_start.wait(FRESH_CHECK_INTERVAL if self._shares.n_fresh else None)
            self._may_start.clear()
            is_done = False
            with _step("start_waiting", self._shares.n_waiting):
                is_done = self._start_waiting()
            if not is_done:
                self._may_start.set()
                self._stopped.wait(FAILURE_PAUSE)
            self._stopped.wait(MIN_CLAIM_INTERVAL)
        with self._lock:
            left = self._shares.clear()
        _write(left, waiting.publish_now)

    def _start_waiting(self) -> bool:
        """Start the waiting runs that have a place now. Returns False if the system refuses a thread."""
        with self._lock:
            starting = self._shares.start_waiting(time.monotonic())
        placed = self._claim(starting, now)
        started = self._start_threads(placed, now)
        for future in started:
            self._started_late.add(future)
            future.add_done_callback(self._started_late.discard)
        with self._lock:
            late = self._shares.pop_late(time.monotonic())
        if late.kept:
            log.debug("waiting_for_share", action="wait", n_runs=len(late.kept), n_waiting=self._shares.n_waiting)
        _write(late.kept, waiting.postpone)
        _write(late.returned, waiting.publish_now)
        self._report()
        return len(started) == len(placed)


def _write(runs: Sequence[PoolRun], write: Callable[[Sequence[tuple[UUID, int]], datetime], object]) -> None:
    """Change when these runs are published. After an error, the runs stay published as they are."""
    if runs:
        with _step("postpone", len(runs)):
            write([run.claim_key for run in runs], now())


@contextmanager
def _step(action: str, n_runs: int) -> Iterator[None]:
    """Log the error of a step, and let its thread continue. Return the connections of the thread after each step.

    The connection pool is far smaller than the thread pool.
    """
    try:
        try:
            yield
        except RETRYABLE_ERRORS as error:
            log_retryable(action, error, n_runs=n_runs)
        finally:
            connections.close_all()
    except Exception:
        log.exception("run_pool_failed", action=action, n_runs=n_runs)


run_pool = PerProcess(RunPool)
