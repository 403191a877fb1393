"""Executes the runs of a batch one after the other, and writes their endings together.

A slow run must not delay the other runs. After `SLOW_RUN_AFTER`, a second thread writes the endings that are ready. It
also returns unstarted runs to the queue, so that another worker can execute them.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import connection

from executions.lifecycle import transitions
from executions.lifecycle.types import Claim, Ending
from executions.worker import attempt, end_writer
from executions.worker.heartbeat import heartbeat
from values.database import RETRYABLE_ERRORS, log_retryable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

# Five times runner.CLAIM_AHEAD_TIME, the expected time of a batch: if a batch takes longer, one of its runs is slow.
SLOW_RUN_AFTER = timedelta(milliseconds=250)


class ClaimedBatch:
    """Runs that were claimed together. Call `execute` once."""

    def __init__(self, claims: Sequence[Claim], clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._not_started = [attempt.prepare(claim) for claim in reversed(claims)]  # `_next` pops from the end
        self._contexts = [prepared.context for prepared in self._not_started]
        self._unwritten: list[end_writer.Ended] = []
        self._lock = threading.Lock()

    def execute(self) -> list[Ending]:
        """Execute the runs in order and return their endings. Runs that were returned to the queue have no ending."""
        for context in self._contexts:
            heartbeat.get().add(context)
        try:
            return self._execute_all()
        finally:
            # Also after an exception: a run whose lease is renewed without a thread that executes it never ends.
            for context in self._contexts:
                heartbeat.get().remove(context)

    def _execute_all(self) -> list[Ending]:
        is_batch = len(self._not_started) > 1
        timer = threading.Timer(SLOW_RUN_AFTER.total_seconds(), self._hand_over) if is_batch else None
        if timer:
            timer.daemon = True
            timer.start()
        ended = []
        try:
            while prepared := self._next():
                ending = attempt.execute(prepared, self._clock)
                ended.append(ending)
                with self._lock:
                    self._unwritten.append((prepared, ending))
        finally:
            if timer:
                timer.cancel()
                timer.join()  # it may be writing: return only when all endings are written
            self._write()
        return ended

    def _next(self) -> attempt.PreparedAttempt | None:
        with self._lock:
            return self._not_started.pop() if self._not_started else None

    def _hand_over(self) -> None:
        """Return unstarted runs to the queue, and write the endings that are ready.

        Called in the timer's thread while a slow run is executed.
        """
        with self._lock:
            not_started, self._not_started = self._not_started, []
        try:
            claims = [prepared.context.claim_key for prepared in not_started]
            if claims:
                transitions.return_claims(claims, self._clock())
            for prepared in not_started:
                heartbeat.get().remove(prepared.context)
            self._write()
        except RETRYABLE_ERRORS as error:
            # No run is lost: after this batch, nobody renews these leases, and the reaper recovers the runs.
            log_retryable("give_back", error, n_claims=len(not_started))
        finally:
            connection.close()

    def _write(self) -> None:
        with self._lock:
            unwritten, self._unwritten = self._unwritten, []
        if unwritten:
            end_writer.write(unwritten, self._clock)
        for prepared, _ in unwritten:
            heartbeat.get().remove(prepared.context)
