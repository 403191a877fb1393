"""A run's log. Lines are collected in memory and stored in batches, up to a maximum size per attempt."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import structlog
from django.db import Error as DatabaseFault
from django.db import connection, transaction

from executions.models import LogLine
from executions.targets.base import MAX_LOG_LINE_LENGTH
from executions.worker import queries
from values import clock
from values.database import RETRYABLE_ERRORS, execute, is_database_unavailable, log_retryable
from values.json_values import clean_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

log = structlog.get_logger(__name__)

LOG_LINE_OVERHEAD_BYTES = 100  # approximate size of a row without its text, so that empty lines count too
LOG_LINES_PER_INSERT = 1000  # limits a statement to a few megabytes
LOG_LEVELS = frozenset({"debug", "info", "warning", "error", "critical"})


class RunLog:
    """The log lines of one attempt, up to `max_bytes`. Safe to use from several threads."""

    def __init__(self, run_id: UUID, attempt: int, max_bytes: int) -> None:
        self.run_id, self._attempt, self._left = run_id, attempt, max_bytes
        self._lines: list[LogLine] = []
        self._lock = threading.Lock()
        # Held while lines are inserted. Otherwise, an attempt could end while the heartbeat inserts lines of its log;
        # and if that insert failed, nobody would try again.
        self.inserting = threading.RLock()

    @property
    def order(self) -> tuple[UUID, int]:
        """Threads that insert the lines of several logs lock the logs in this order, so that none can deadlock."""
        return self.run_id, self._attempt

    def add(self, message: str, level: str = "info") -> None:
        """Add a line with the present time. At the size limit, add a note instead, and drop all later lines.

        The line has at most `MAX_LOG_LINE_LENGTH` characters of `message`. An unknown `level` becomes `info`.
        """
        text = clean_text(message[:MAX_LOG_LINE_LENGTH])
        with self._lock:
            if self._left <= 0:
                return
            self._left -= len(text.encode()) + LOG_LINE_OVERHEAD_BYTES
            if self._left <= 0:
                level, text = "warning", "The log has reached its size limit. Further lines are not stored."
            self._lines.append(
                LogLine(
                    run_id=self.run_id,
                    attempt=self._attempt,
                    at=clock.now(),
                    level=level if level in LOG_LEVELS else "info",
                    message=text,
                )
            )

    def take(self) -> list[LogLine]:
        """Remove and return the lines that are not stored yet."""
        with self._lock:
            lines, self._lines = self._lines, []
        return lines

    def take_back(self, lines: list[LogLine]) -> None:
        """Put back lines that could not be stored, in front of newer lines."""
        with self._lock:
            self._lines[:0] = lines


def store(logs: Sequence[RunLog]) -> int:
    """Insert the new lines of these logs together. Returns the number of lines.

    If the insert fails, the lines stay in their logs, and the error is raised.
    """
    with ExitStack() as locks:
        for run_log in sorted(logs, key=lambda each: each.order):
            locks.enter_context(run_log.inserting)
        taken = [(run_log, run_log.take()) for run_log in logs]
        lines = [line for _, new in taken for line in new]
        try:
            if lines:
                _insert(lines)
        except BaseException:
            for run_log, new in taken:
                run_log.take_back(new)
            raise
    return len(lines)


def _insert(lines: Sequence[LogLine]) -> None:
    with transaction.atomic():
        for first in range(0, len(lines), LOG_LINES_PER_INSERT):
            batch = lines[first : first + LOG_LINES_PER_INSERT]
            values = {name: [getattr(line, name) for line in batch] for name in ("run_id", "attempt", "at", "level")}
            messages = json.dumps([line.message for line in batch], ensure_ascii=False)
            execute(queries.STORE_LINES, {**values, "messages": messages})


def store_or_log(logs: Sequence[RunLog]) -> bool:
    """Like `store`, but log a database error instead of raising it. Returns False if the caller should try again."""
    try:
        store(logs)
    except DatabaseFault as error:
        if is_database_unavailable(error):
            log_retryable("store_log", error, is_away=True, n_logs=len(logs))
            connection.close()
            return False
        if len(logs) > 1:  # one log is at fault: store each log alone
            stored = [store_or_log([each]) for each in logs]
            return all(stored)
        if isinstance(error, RETRYABLE_ERRORS):
            log_retryable("store_log", error, is_away=False, n_logs=1)
            return False
        log.exception("log_not_stored", action="store_log", run=str(logs[0].run_id))
    return True
