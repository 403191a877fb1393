"""A run's log: lines are gathered in memory, stored in batches, and cut off at a size."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.db import Error as DatabaseFault

from executions.models import LogLine
from values.json_values import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

MAX_LOG_LINE_LENGTH = 8 * 1024  # characters
LOG_LINE_OVERHEAD_BYTES = 100  # what a line costs beside its text, so that empty ones count as well
LOG_LINES_PER_INSERT = 1000
LEVELS = frozenset({"debug", "info", "warning", "error", "critical"})


class RunLog:
    """The lines of one attempt. `add` may be called from any thread, and `store` too."""

    def __init__(self, run_id: UUID, attempt: int, max_bytes: int) -> None:
        self._run_id, self._attempt, self._left = run_id, attempt, max_bytes
        self._lines: list[LogLine] = []
        self._lock = threading.Lock()

    def add(self, message: str, level: str = "info") -> None:
        """Take one line, stamped now. Past the size limit a last line says that the rest is left out."""
        text = clean_text(message[:MAX_LOG_LINE_LENGTH])
        with self._lock:
            if self._left <= 0:
                return
            self._left -= len(text.encode()) + LOG_LINE_OVERHEAD_BYTES
            if self._left <= 0:
                level, text = "warning", "The log has reached its size limit: what follows is left out."
            self._lines.append(
                LogLine(
                    run_id=self._run_id,
                    attempt=self._attempt,
                    at=datetime.now(UTC),
                    level=level if level in LEVELS else "info",
                    message=text,
                )
            )

    def take(self) -> list[LogLine]:
        """Return the lines that are new, to be stored."""
        with self._lock:
            lines, self._lines = self._lines, []
        return lines

    def take_back(self, lines: list[LogLine]) -> None:
        """Keep lines that could not be stored for the next time."""
        with self._lock:
            self._lines[:0] = lines


def store(logs: Iterable[RunLog]) -> int:
    """Store what is new in these logs, in one go; returns how many lines that were."""
    taken = [(log, log.take()) for log in logs]
    lines = [line for _, new in taken for line in new]
    try:
        if lines:
            LogLine.objects.bulk_create(lines, batch_size=LOG_LINES_PER_INSERT)
    except DatabaseFault:
        for log, new in taken:
            log.take_back(new)
        raise
    return len(lines)
