"""The context that a command may use: data of its run, the run's log, stop requests, and the time left."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from executions.targets.base import Context, StopReason


class CommandContext:
    """The context of a command: data of the run, the run's log, stop requests, and the time left.

    `attempt` counts from 1. `nominal_at` is in UTC. `idempotency_key` is the same on every attempt: pass it to services
    that accept an idempotency key.
    """

    def __init__(self, context: Context, log: Callable[[str, str], None]) -> None:
        self.run_id: UUID = context.run_id
        self.job_name: str = context.job_name
        self.attempt: int = context.attempt
        self.nominal_at: datetime = context.nominal_at
        self.idempotency_key: str = context.idempotency_key
        self._log = log
        self._should_stop = context.should_stop
        self._deadline = time.monotonic() + context.timeout.total_seconds()

    def log(self, message: object, level: str = "info") -> None:
        """Add a line to the run's log. Levels: debug, info, warning, error, critical. Any other level becomes info."""
        self._log(str(message), level)

    def should_stop(self) -> StopReason | None:
        """Return why the command should stop, or None. A timeout is never the reason: see `remaining`.

        To stop a command, Mainspring raises CommandStopped in the command's main thread. Use this function in other
        threads of the command, or if the command catches CommandStopped and continues.
        """
        return self._should_stop()

    def remaining(self) -> timedelta:
        """Return the time left before the timeout; never negative."""
        return timedelta(seconds=max(self._deadline - time.monotonic(), 0.0))
