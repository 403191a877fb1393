"""The threads of a worker that carries out runs side by side: so many at once, in however many messages they came.

The only run of a message is carried out by the thread of Celery's pool that has the message; of several, the others
by threads of the run_pool.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import structlog
from django.db import connections

from executions.lifecycle import transitions
from executions.message import BATCH_START_TIMEOUT
from executions.per_process import PerProcess
from executions.worker import attempt, end_writer
from executions.worker.claims import claim
from executions.worker.heartbeat import heartbeat
from values.database import DATABASE_UNAVAILABLE, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from datetime import datetime, timedelta
    from uuid import UUID

log = structlog.get_logger(__name__)


class RunPool:
    """One a process. Until `start` is called its `size` is 0: runs are carried out one after the other."""

    def __init__(self) -> None:
        self.size = self._n_free = self.n_extra = 0  # n_extra: runs under way beyond one a message
        self._changed = threading.Condition()

    def start(self, size: int, tell: Callable[[], object]) -> None:
        """Have `size` places. `tell` is called, from any thread, when `n_extra` has changed."""
        self.size = self._n_free = size
        self._tell = tell
        self._threads = ThreadPoolExecutor(size, "mainspring-run")

    def execute_runs(
        self, wanted: Sequence[tuple[UUID, int]], worker: str, clock: Callable[[], datetime]
    ) -> list[transitions.Ending]:
        """Carry out the runs of one message side by side; returns how they ended.

        What finds no place within `BATCH_START_TIMEOUT` is published again, for whoever is idle.
        """
        began_at, left = clock(), list(wanted)
        ended: list[transitions.Ending] = []
        others: list[Future[transitions.Ending]] = []
        self._note(len(left) - 1)
        try:
            while left:
                n_places = self._take(len(left), BATCH_START_TIMEOUT - (clock() - began_at))
                if not n_places:
                    transitions.republish_at(left, clock())
                    break
                begun = self._begin(left[:n_places], worker, clock)
                left = left[n_places:]
                mine = begun.pop() if begun and not left else None
                others += [self._threads.submit(self._carry_out, each, clock) for each in begun]
                if mine:
                    ended.append(self._carry_out(mine, clock))
        except DATABASE_UNAVAILABLE as error:
            log.warning("database_away", action="claim", n_given_up=len(left), error=one_line(error))
        finally:
            connections.close_all()  # to the pool: hundreds of threads may not keep one each
            wait(others)
            self._note(1 - len(left))
        return ended + [each.result() for each in others]

    def _begin(
        self, wanted: Sequence[tuple[UUID, int]], worker: str, clock: Callable[[], datetime]
    ) -> list[attempt.PreparedAttempt]:
        """Claim these, for places that have been taken; returns those that are to be carried out."""
        begun: list[attempt.PreparedAttempt] = []
        try:
            begun = [attempt.prepare(claimed) for claimed in claim(wanted, worker, clock)]
        finally:
            connections.close_all()
            self._release(len(wanted) - len(begun))
        for each in begun:
            heartbeat.get().add(each.context)
        self._note(len(begun) - len(wanted))
        return begun

    def _carry_out(self, begun: attempt.PreparedAttempt, clock: Callable[[], datetime]) -> transitions.Ending:
        try:
            ending = attempt.execute(begun, clock)
            end_writer.write([(begun, ending)], clock)
        finally:
            heartbeat.get().remove(begun.context)
            connections.close_all()
            self._release(1)
            self._note(-1)
        return ending

    def _take(self, n_wanted: int, within: timedelta) -> int:
        """Take up to so many places; returns how many, which is none if none is free for so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._n_free, max(within.total_seconds(), 0))
            n_taken = min(n_wanted, self._n_free)
            self._n_free -= n_taken
        return n_taken

    def _release(self, n_places: int) -> None:
        with self._changed:
            self._n_free += n_places
            self._changed.notify(n_places)

    def _note(self, n_more: int) -> None:
        with self._changed:
            self.n_extra += n_more
        if n_more:
            self._tell()


run_pool = PerProcess(RunPool)
