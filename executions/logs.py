"""A run's log: lines are gathered in memory, stored in batches, and cut off at a size."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.db import Error as DatabaseFault

from executions.models import LogLine
from executions.targets.jsonsafe import clean_text

if TYPE_CHECKING:
    from uuid import UUID

MAX_LINE = 8 * 1024  # characters
ROW_BYTES = 100  # what a line costs beside its text, so that empty ones count as well
BATCH = 1000
LEVELS = frozenset({"debug", "info", "warning", "error", "critical"})


class RunLog:
    """The lines of one attempt. `add` may be called from any thread; `flush` stores what is new."""

    def __init__(self, run_id: UUID, attempt: int, max_bytes: int) -> None:
        self._run_id, self._attempt, self._left = run_id, attempt, max_bytes
        self._lines: list[LogLine] = []
        self._lock = threading.Lock()

    def add(self, message: str, level: str = "info") -> None:
        """Take one line, stamped now. Past the size limit a last line says that the rest is left out."""
        text = clean_text(message[:MAX_LINE])
        with self._lock:
            if self._left <= 0:
                return
            self._left -= len(text.encode()) + ROW_BYTES
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

    def flush(self) -> int:
        """Store the lines that are new; returns how many there were."""
        with self._lock:
            lines, self._lines = self._lines, []
        try:
            if lines:
                LogLine.objects.bulk_create(lines, batch_size=BATCH)
        except DatabaseFault:
            with self._lock:
                self._lines[:0] = lines  # for the next time
            raise
        return len(lines)
