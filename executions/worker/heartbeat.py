"""One thread a worker process: renews the leases of what it carries out, stores its log, passes on requests to stop."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db import DataError, connection
from django.db import Error as DatabaseFault

from executions.lifecycle import transitions
from executions.per_process import PerProcess
from executions.targets.base import StopReason
from executions.worker import logs
from values.database import DATABASE_UNAVAILABLE, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from executions.worker.context import RunContext

log = structlog.get_logger(__name__)


class Heartbeat:
    """Watches over the contexts of one process."""

    def __init__(self) -> None:
        self._watched: dict[tuple[UUID, int], RunContext] = {}
        self._lock = threading.Lock()
        self._begun = threading.Event()
        threading.Thread(target=self._loop, name="mainspring-heartbeat", daemon=True).start()

    def add(self, context: RunContext) -> None:
        with self._lock:
            self._watched[context.claim_key] = context
        self._begun.set()

    def remove(self, context: RunContext) -> None:
        with self._lock:
            self._watched.pop(context.claim_key, None)

    def _loop(self) -> None:
        pause = threading.Event()
        while True:
            self._begun.wait()
            pause.wait(settings.MAINSPRING.heartbeat.total_seconds())
            with self._lock:
                watched = dict(self._watched)
                if not watched:
                    self._begun.clear()
            try:
                renew_once(watched.values(), datetime.now(UTC))
            except DATABASE_UNAVAILABLE as error:
                # The claims may hold still: the target goes on, and its end is fenced.
                log.warning("database_away", action="heartbeat", n_claims=len(watched), error=one_line(error))
            except Exception:
                log.exception("heartbeat_failed", action="heartbeat", n_claims=len(watched))
            with suppress(DatabaseFault):
                connection.close()


def renew_once(contexts: Iterable[RunContext], now: datetime) -> None:
    """Store the log lines of these attempts, renew their claims, and tell those that should stop."""
    watched = {context.claim_key: context for context in contexts}
    if not watched:
        return
    renewal = transitions.renew(watched, now, settings.MAINSPRING.lease)
    for key, context in watched.items():
        if key not in renewal.held:
            context.stop(StopReason.LOST)
        elif key in renewal.cancelled:
            context.stop(StopReason.CANCELLED)
    for key in renewal.held:
        try:
            logs.store([watched[key].run_log])
        except DataError:
            log.exception("log_not_stored", action="heartbeat", run=str(key[0]))


heartbeat = PerProcess(Heartbeat)
