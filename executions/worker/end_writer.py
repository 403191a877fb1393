"""Writes the endings of attempts, and their remaining log lines. One statement writes the endings of many threads.

Group commit: while one thread writes, other threads queue their endings. Then the first thread in the queue writes all
queued endings. A single ending is written immediately, and under load one connection writes hundreds of endings per
second.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, TypeAlias

import structlog
from django.conf import settings
from django.db import connection

from executions.lifecycle import transitions
from executions.lifecycle.types import Ending
from executions.per_process import PerProcess
from executions.states import RunStatus
from executions.worker import logs
from executions.worker.attempt import PreparedAttempt
from values.database import RETRYABLE_ERRORS, is_database_unavailable, log_retryable, wait_for_database

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from uuid import UUID

log = structlog.get_logger(__name__)

Ended: TypeAlias = tuple[PreparedAttempt, Ending]


def write(ended: Sequence[Ended], clock: Callable[[], datetime]) -> None:
    """Write these endings and return when they are committed. After one of RETRYABLE_ERRORS, try again.

    If no try succeeds within the time of one lease, drop the endings. The reaper recovers the runs when their leases
    have expired.
    """
    give_up_at, has_warned, statuses = clock() + settings.MAINSPRING.lease, False, {}
    while not has_warned or clock() < give_up_at:
        request = _Request(ended)
        try:
            statuses = writer.get().write(request, clock())
            break
        except RETRYABLE_ERRORS as error:
            if not has_warned:
                log_retryable("finish", error, is_away=request.is_away, n_endings=len(ended))
            has_warned = True
            wait_for_database()
    for prepared, ending in ended:
        _log_ending(prepared, ending, statuses.get(ending.run_id))


class _Request:
    """A thread's request to write endings, with its result: `statuses` or `error`."""

    def __init__(self, ended: Sequence[Ended]) -> None:
        self.ended = ended
        self.turn = threading.Event()  # set when the request is done, or when its thread must write the queue
        self.statuses: dict[UUID, RunStatus] | None = None
        self.error: BaseException | None = None
        self.is_away = False  # whether `error` means that the database is unavailable; only the writing thread can tell


class Writer:
    """Writes the endings of attempts, for all threads of a process. One instance per process."""

    def __init__(self) -> None:
        self._queue: list[_Request] = []
        self._is_busy = False  # whether a thread is writing or is about to write
        self._lock = threading.Lock()

    def write(self, request: _Request, now: datetime) -> dict[UUID, RunStatus]:
        """Try once to write the endings of a request. Returns the new status by run id, as `transitions.finish` does.

        Raises the database's error for these endings. An ending that the database rejects does not affect the endings
        of other threads.
        """
        with self._lock:
            self._queue.append(request)
            is_our_turn, self._is_busy = not self._is_busy, True
        if not is_our_turn:
            request.turn.wait()
        if request.statuses is None and request.error is None:
            self._write_queue(now)
        if request.error:
            raise request.error
        return request.statuses or {}

    def _write_queue(self, now: datetime) -> None:
        with self._lock:
            requests, self._queue = self._queue, []
        try:
            _write_requests(requests, now)
        finally:
            # Also after an exception: a thread that is never woken would keep its run, and renew its lease, for ever.
            with self._lock:
                next_writer = self._queue[0] if self._queue else None
                self._is_busy = next_writer is not None
            for request in [*requests, next_writer]:
                if request:
                    request.turn.set()


def _write_requests(requests: Sequence[_Request], now: datetime) -> None:
    try:
        statuses = _store([each for request in requests for each in request.ended], now)
        for request in requests:
            request.statuses = statuses
    except BaseException as error:  # noqa: BLE001  (raised again in the threads whose requests failed)
        is_away = isinstance(error, Exception) and is_database_unavailable(error)
        if is_away:
            connection.close()
        elif len(requests) > 1 and isinstance(error, Exception):
            for request in requests:  # one request is at fault: write each request alone to find it
                _write_requests([request], now)
            return
        for request in requests:
            request.error, request.is_away = error, is_away


def _store(ended: Sequence[Ended], now: datetime) -> dict[UUID, RunStatus]:
    # Logs first, so that the log of an ended run is complete. The ending is more important: it is written even if the
    # log cannot be stored.
    run_logs = [prepared.context.run_log for prepared, _ in ended]
    is_stored = logs.store_or_log(run_logs)
    statuses = transitions.finish([ending for _, ending in ended], now)
    if not is_stored:
        logs.store_or_log(run_logs)
    return statuses


def _log_ending(prepared: PreparedAttempt, ending: Ending, status: RunStatus | None) -> None:
    claim = prepared.claim
    facts = {"run": str(claim.run_id), "job": claim.job_name, "attempt": claim.attempt}
    if status:
        # DEBUG for successes: at thousands of runs a second they would fill the log.
        level = logging.DEBUG if status is RunStatus.SUCCEEDED else logging.INFO
        log.log(level, "attempt_ended", action="finish", status=status.value, error_code=ending.error_code, **facts)
    else:
        log.warning("claim_lost", action="finish", outcome=ending.attempt_status.value, **facts)


writer = PerProcess(Writer)
