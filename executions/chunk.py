"""A few runs that were claimed together: carried out one after the other, their ends written together.

One that takes its time keeps no others waiting. After `PATIENCE` a second thread writes the ends that there are, and
gives the runs that have not begun back to the queue.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import connection

from executions import attempt, logs, transitions
from executions.database import DATABASE_AWAY, one_line
from executions.heartbeat import heartbeat
from executions.states import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from uuid import UUID

    from executions.context import RunContext

log = structlog.get_logger(__name__)

BETWEEN_TRIES = 1.0  # seconds, while the database is away
PATIENCE = timedelta(milliseconds=250)


class Chunk:
    """Call `carry_out` once."""

    def __init__(self, claims: Sequence[transitions.Claim], clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._waiting = [attempt.begin(claim) for claim in reversed(claims)]
        self._contexts = [begun.context for begun in self._waiting]
        self._unwritten: list[tuple[attempt.Begun, transitions.Ending]] = []
        self._lock = threading.Lock()

    def carry_out(self) -> list[transitions.Ending]:
        """Carry out the runs in order; returns how they ended, without those that were given back."""
        for context in self._contexts:
            heartbeat.get().watch(context)
        hurry = threading.Timer(PATIENCE.total_seconds(), self._let_go) if len(self._waiting) > 1 else None
        if hurry:
            hurry.daemon = True
            hurry.start()
        ended = []
        try:
            while begun := self._next():
                ending = attempt.carry_out(begun, self._clock)
                ended.append(ending)
                with self._lock:
                    self._unwritten.append((begun, ending))
        finally:
            if hurry:
                hurry.cancel()
                hurry.join()  # it may be writing
            self._write()
            for context in self._contexts:
                heartbeat.get().release(context)
        return ended

    def _next(self) -> attempt.Begun | None:
        with self._lock:
            return self._waiting.pop() if self._waiting else None

    def _let_go(self) -> None:
        """In the second thread: a run takes its time."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        try:
            claims = [begun.context.claim_key for begun in waiting]
            if claims:
                transitions.give_back(claims, self._clock())
            for begun in waiting:
                heartbeat.get().release(begun.context)
            self._write()
        except DATABASE_AWAY as error:
            # The claims are not renewed any more: once their lease has run out others carry the runs out.
            log.warning("database_away", action="give_back", n_claims=len(waiting), error=one_line(error))
        finally:
            connection.close()

    def _write(self) -> None:
        with self._lock:
            unwritten, self._unwritten = self._unwritten, []
        if not unwritten:
            return
        contexts = [begun.context for begun, _ in unwritten]
        is_stored = _store_logs(contexts)
        statuses = _finish([ending for _, ending in unwritten], self._clock)
        if not is_stored:
            _store_logs(contexts)
        for begun, ending in unwritten:
            heartbeat.get().release(begun.context)
            _tell(begun, ending, statuses.get(ending.run_id))


def _store_logs(contexts: Sequence[RunContext]) -> bool:
    """Store the logs of these attempts; False when it is worth another try. A log never costs an outcome."""
    try:
        logs.store(context.run_log for context in contexts)
    except DATABASE_AWAY as error:
        log.warning("database_away", action="store_log", n_logs=len(contexts), error=one_line(error))
        connection.close()
        return False
    except DatabaseFault:
        if len(contexts) == 1:
            log.exception("log_not_stored", action="store_log", run=str(contexts[0].run_id))
        else:  # one of them: the others have theirs
            stored = [_store_logs([context]) for context in contexts]
            return all(stored)
    return True


def _finish(endings: Sequence[transitions.Ending], clock: Callable[[], datetime]) -> dict[UUID, RunStatus]:
    """Write the ends, while the database is away again and again for as long as a lease lasts; returns the statuses.

    After that the reaper has the runs carried out again, and these ends, by the claims' numbers, would change nothing.
    """
    give_up_at, is_said = clock() + settings.MAINSPRING.lease, False
    while not is_said or clock() < give_up_at:
        try:
            return transitions.finish(endings, clock())
        except DATABASE_AWAY as error:
            if not is_said:
                log.warning("database_away", action="finish", n_endings=len(endings), error=one_line(error))
            is_said = True
            connection.close()
            threading.Event().wait(BETWEEN_TRIES)
    return {}


def _tell(begun: attempt.Begun, ending: transitions.Ending, status: RunStatus | None) -> None:
    claim = begun.claim
    facts = {"run": str(claim.run_id), "job": claim.job_name, "attempt": claim.attempt}
    if status:
        # At thousands of runs a second the good ones would be the log.
        level = logging.DEBUG if status is RunStatus.SUCCEEDED else logging.INFO
        log.log(level, "attempt_ended", action="finish", status=status.value, error_code=ending.error_code, **facts)
    else:
        log.warning("claim_lost", action="finish", outcome=ending.attempt_status.value, **facts)
