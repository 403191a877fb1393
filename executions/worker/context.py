"""`RunContext`, the context that a target gets: data of the run, the run's log, and stop requests."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from django.conf import settings

from executions.targets.base import StopReason
from executions.worker.logs import RunLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from uuid import UUID

    from executions.lifecycle.types import Claim


class RunContext:
    """Implements `targets.base.Context` for one claim. The target calls `log`; the heartbeat calls `stop`."""

    def __init__(self, claim: Claim, timeout: timedelta) -> None:
        self.run_id = claim.run_id
        self.job_name = claim.job_name
        self.attempt = claim.attempt
        self.nominal_at = claim.nominal_at
        self.timeout = timeout
        self.idempotency_key = str(claim.run_id)
        self.claim_key: tuple[UUID, int] = (claim.run_id, claim.claim_no)
        self.run_log = RunLog(claim.run_id, claim.attempt, settings.MAINSPRING.log_bytes)
        self._reason: StopReason | None = None
        self._callbacks: list[Callable[[StopReason], None]] = []
        self._lock = threading.Lock()

    def log(self, message: str, level: str = "info") -> None:
        self.run_log.add(message, level)

    def should_stop(self) -> StopReason | None:
        return self._reason

    def on_stop(self, callback: Callable[[StopReason], None]) -> Callable[[], None]:
        """Call `callback` when the target should stop; immediately if the target should stop already.

        Returns a function that unregisters `callback`.
        """
        with self._lock:
            self._callbacks.append(callback)
            reason = self._reason
        if reason:
            callback(reason)
        return lambda: self._forget(callback)

    def stop(self, reason: StopReason) -> None:
        """Request that the target stops: call the callbacks that are registered. Later requests are ignored."""
        with self._lock:
            if self._reason:
                return
            self._reason = reason
            callbacks = list(self._callbacks)
        # Outside the lock: a callback may unregister itself.
        for callback in callbacks:
            callback(reason)

    def _forget(self, callback: Callable[[StopReason], None]) -> None:
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)
