"""Writes the ends of attempts, with what their logs still hold. Ends that come together share one statement.

While one thread writes, the ends of others gather; the first of them writes them all. So a lone end waits for nothing,
and at load a process needs one connection to write hundreds a second.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, TypeAlias

import structlog
from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import connection

from executions.lifecycle import transitions
from executions.per_process import PerProcess
from executions.states import RunStatus
from executions.worker import logs
from executions.worker.attempt import PreparedAttempt
from executions.worker.heartbeat import heartbeat
from values.database import DATABASE_RETRY_SECONDS, DATABASE_UNAVAILABLE, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from uuid import UUID

    from executions.worker.context import RunContext

log = structlog.get_logger(__name__)

Ended: TypeAlias = tuple[PreparedAttempt, transitions.Ending]


def write(ended: Sequence[Ended], clock: Callable[[], datetime]) -> None:
    """Return once these ends are written; while the database is away, try for as long as a lease lasts.

    After that the reaper has the runs carried out again, and these ends, by the claims' numbers, would change nothing.
    """
    give_up_at, is_said, statuses = clock() + settings.MAINSPRING.lease, False, {}
    while not is_said or clock() < give_up_at:
        try:
            statuses = writer.get().write(ended, clock())
            break
        except DATABASE_UNAVAILABLE as error:
            if not is_said:
                log.warning("database_away", action="finish", n_endings=len(ended), error=one_line(error))
            is_said = True
            threading.Event().wait(DATABASE_RETRY_SECONDS)
    for begun, ending in ended:
        heartbeat.get().remove(begun.context)
        _tell(begun, ending, statuses.get(ending.run_id))


class _Wish:
    """What one thread wants to have written, and what became of it."""

    def __init__(self, ended: Sequence[Ended]) -> None:
        self.ended = ended
        self.turn = threading.Event()  # it is done, or it is up to this thread
        self.statuses: dict[UUID, RunStatus] | None = None
        self.error: BaseException | None = None


class Writer:
    """One a process."""

    def __init__(self) -> None:
        self._gathered: list[_Wish] = []
        self._is_busy = False
        self._lock = threading.Lock()

    def write(self, ended: Sequence[Ended], now: datetime) -> dict[UUID, RunStatus]:
        """Try once to write these; returns the status that each run has now, as `transitions.finish` does.

        Raises what the database raised. Ends that it refuses are no harm to those that are written with them.
        """
        wish = _Wish(ended)
        with self._lock:
            self._gathered.append(wish)
            is_ours, self._is_busy = not self._is_busy, True
        if not is_ours:
            wish.turn.wait()
        if wish.statuses is None and wish.error is None:
            self._write_gathered(now)
        if wish.error:
            raise wish.error
        return wish.statuses or {}

    def _write_gathered(self, now: datetime) -> None:
        with self._lock:
            wishes, self._gathered = self._gathered, []
        try:
            _fulfil(wishes, now)
        finally:
            with self._lock:
                following = self._gathered[0] if self._gathered else None
                self._is_busy = following is not None
            for wish in [*wishes, following]:
                if wish:
                    wish.turn.set()


def _fulfil(wishes: Sequence[_Wish], now: datetime) -> None:
    try:
        statuses = _store([each for wish in wishes for each in wish.ended], now)
        for wish in wishes:
            wish.statuses = statuses
    except BaseException as error:  # noqa: BLE001  (raised in the threads whose wishes they are)
        if isinstance(error, DATABASE_UNAVAILABLE):
            connection.close()
        elif len(wishes) > 1 and isinstance(error, Exception):
            for wish in wishes:  # one of them: the others have theirs
                _fulfil([wish], now)
            return
        for wish in wishes:
            wish.error = error


def _store(ended: Sequence[Ended], now: datetime) -> dict[UUID, RunStatus]:
    contexts = [begun.context for begun, _ in ended]
    is_stored = _store_logs(contexts)
    statuses = transitions.finish([ending for _, ending in ended], now)
    if not is_stored:
        _store_logs(contexts)
    return statuses


def _store_logs(contexts: Sequence[RunContext]) -> bool:
    """Store the logs of these attempts; False when it is worth another try. A log never costs an outcome."""
    try:
        logs.store(context.run_log for context in contexts)
    except DATABASE_UNAVAILABLE as error:
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


def _tell(begun: PreparedAttempt, ending: transitions.Ending, status: RunStatus | None) -> None:
    claim = begun.claim
    facts = {"run": str(claim.run_id), "job": claim.job_name, "attempt": claim.attempt}
    if status:
        # At thousands of runs a second the good ones would be the log.
        level = logging.DEBUG if status is RunStatus.SUCCEEDED else logging.INFO
        log.log(level, "attempt_ended", action="finish", status=status.value, error_code=ending.error_code, **facts)
    else:
        log.warning("claim_lost", action="finish", outcome=ending.attempt_status.value, **facts)


writer = PerProcess(Writer)
