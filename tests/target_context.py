"""A target's context without a run: it gathers the log, and asks to stop when the test says so."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable

    from executions.targets.base import StopReason


class RecordingContext:
    """Implements `executions.targets.base.Context`."""

    def __init__(self, seconds: float = 10, *, attempt: int = 1) -> None:
        self.run_id = UUID("01935b7e-0000-7000-8000-000000000001")
        self.job_name = "nightly report"
        self.attempt = attempt
        self.nominal_at = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
        self.timeout = timedelta(seconds=seconds)
        self.idempotency_key = str(self.run_id)
        self.lines: list[tuple[str, str]] = []
        self.callbacks: list[Callable[[StopReason], None]] = []
        self._reason: StopReason | None = None

    @property
    def messages(self) -> list[str]:
        return [message for _, message in self.lines]

    def log(self, message: str, level: str = "info") -> None:
        self.lines.append((level, message))

    def should_stop(self) -> StopReason | None:
        return self._reason

    def on_stop(self, callback: Callable[[StopReason], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        if self._reason:
            callback(self._reason)
        return lambda: self.callbacks.remove(callback)

    def stop(self, reason: StopReason) -> None:
        self._reason = reason
        for callback in list(self.callbacks):
            callback(reason)

    def stop_when(self, event: threading.Event, reason: StopReason) -> None:
        """Ask to stop from another thread, as the heartbeat does, as soon as `event` is set."""

        def wait() -> None:
            if event.wait(10):
                self.stop(reason)

        threading.Thread(target=wait, daemon=True).start()
