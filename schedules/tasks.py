"""The Celery task that runs the watchdog once, at the present time, and returns the watchdog's counts."""

from __future__ import annotations

from dataclasses import asdict

from celery import shared_task

from schedules.ledger import watchdog
from values import clock
from values.database import log_retryable_errors

HOUSEKEEPING_BATCH_ROWS = 500  # rows that one DELETE statement removes


@shared_task(name="schedules.watch")
def watch() -> dict[str, int] | None:
    """Find and report schedules that have silently stopped.

    Also delete the `ScheduleSpan` and `Stoppage` rows that ended before the history begins.
    """
    with log_retryable_errors("watch"):
        now = clock.now()
        watchdog.prune_once(now, HOUSEKEEPING_BATCH_ROWS)
        return asdict(watchdog.watch_once(now, watchdog.MAX_JOBS_PER_PASS))
