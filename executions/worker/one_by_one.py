"""A few runs that were claimed together: carried out one after the other, their ends written together.

One that takes its time keeps no others waiting. After `SLOW_RUN_AFTER` a second thread writes the ends that there are, and
gives the runs that have not begun back to the queue.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import connection

from executions.lifecycle import transitions
from executions.worker import attempt, end_writer
from executions.worker.heartbeat import heartbeat
from values.database import DATABASE_UNAVAILABLE, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

log = structlog.get_logger(__name__)

SLOW_RUN_AFTER = timedelta(milliseconds=250)


class ClaimedBatch:
    """Call `execute` once."""

    def __init__(self, claims: Sequence[transitions.Claim], clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._waiting = [attempt.prepare(claim) for claim in reversed(claims)]
        self._contexts = [begun.context for begun in self._waiting]
        self._unwritten: list[end_writer.Ended] = []
        self._lock = threading.Lock()

    def execute(self) -> list[transitions.Ending]:
        """Carry out the runs in order; returns how they ended, without those that were given back."""
        for context in self._contexts:
            heartbeat.get().add(context)
        hurry = threading.Timer(SLOW_RUN_AFTER.total_seconds(), self._let_go) if len(self._waiting) > 1 else None
        if hurry:
            hurry.daemon = True
            hurry.start()
        ended = []
        try:
            while begun := self._next():
                ending = attempt.execute(begun, self._clock)
                ended.append(ending)
                with self._lock:
                    self._unwritten.append((begun, ending))
        finally:
            if hurry:
                hurry.cancel()
                hurry.join()  # it may be writing
            self._write()
            for context in self._contexts:
                heartbeat.get().remove(context)
        return ended

    def _next(self) -> attempt.PreparedAttempt | None:
        with self._lock:
            return self._waiting.pop() if self._waiting else None

    def _let_go(self) -> None:
        """In the second thread: a run takes its time."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        try:
            claims = [begun.context.claim_key for begun in waiting]
            if claims:
                transitions.return_claims(claims, self._clock())
            for begun in waiting:
                heartbeat.get().remove(begun.context)
            self._write()
        except DATABASE_UNAVAILABLE as error:
            # The claims are not renewed any more: once their lease has run out others carry the runs out.
            log.warning("database_away", action="give_back", n_claims=len(waiting), error=one_line(error))
        finally:
            connection.close()

    def _write(self) -> None:
        with self._lock:
            unwritten, self._unwritten = self._unwritten, []
        if unwritten:
            end_writer.write(unwritten, self._clock)
