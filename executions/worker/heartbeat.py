"""The heartbeat thread of a worker process: renews leases, stores new log lines, passes stop requests to targets."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import connection

from executions.lifecycle import transitions
from executions.per_process import PerProcess
from executions.targets.base import StopReason
from executions.worker import logs
from values import clock
from values.database import RETRYABLE_ERRORS, log_retryable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from executions.worker.context import RunContext

log = structlog.get_logger(__name__)


class Heartbeat:
    """Renews the leases of all attempts that this process runs, from one daemon thread. One instance per process."""

    def __init__(self) -> None:
        self._contexts: dict[tuple[UUID, int], RunContext] = {}
        self._lock = threading.Lock()
        self._has_work = threading.Event()
        threading.Thread(target=self._loop, name="mainspring-heartbeat", daemon=True).start()

    def add(self, context: RunContext) -> None:
        with self._lock:
            self._contexts[context.claim_key] = context
        self._has_work.set()

    def remove(self, context: RunContext) -> None:
        with self._lock:
            self._contexts.pop(context.claim_key, None)

    def _loop(self) -> None:
        pause = threading.Event()
        while True:
            self._has_work.wait()  # an idle process sends no queries
            pause.wait(settings.MAINSPRING.heartbeat.total_seconds())
            with self._lock:
                contexts = dict(self._contexts)
                if not contexts:
                    self._has_work.clear()
            try:
                renew_once(contexts.values(), clock.now())
            except RETRYABLE_ERRORS as error:
                # Let the targets run: the leases may outlast the outage. If not, the claim number rejects the endings.
                log_retryable("heartbeat", error, n_claims=len(contexts))
            except Exception:
                log.exception("heartbeat_failed", action="heartbeat", n_claims=len(contexts))
            with suppress(DatabaseFault):
                connection.close()  # to the pool: no connection is held between heartbeats


def renew_once(contexts: Iterable[RunContext], now: datetime) -> None:
    """Renew the claims of these attempts. Store the new log lines of each attempt whose claim is still valid.

    An attempt is stopped if its claim is lost or its run has a stop request.
    """
    by_claim = {context.claim_key: context for context in contexts}
    if not by_claim:
        return
    renewal = transitions.renew(by_claim, now, settings.MAINSPRING.lease)
    for key, context in by_claim.items():
        if key not in renewal.held:
            context.stop(StopReason.LOST)
        elif key in renewal.cancelled:
            context.stop(StopReason.CANCELLED)
    # Only for valid claims: after a lost claim, another worker may already execute the run and write its log.
    logs.store_or_log([by_claim[key].run_log for key in renewal.held])


heartbeat = PerProcess(Heartbeat)
