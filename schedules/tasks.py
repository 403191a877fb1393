"""Celery's shell of the clock side: reads the clock, calls one pass, returns its counts."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from celery import shared_task

from schedules.ledger import watchdog
from values.database import database_may_be_away

BATCH = 500  # rows that one statement of the pruning deletes


@shared_task(name="schedules.watch")
def watch() -> dict[str, int] | None:
    """Look for schedules that have silently stopped; prune what is known of those that jobs had."""
    with database_may_be_away("watch"):
        now = datetime.now(UTC)
        watchdog.prune_once(now, BATCH)
        return asdict(watchdog.watch_once(now, watchdog.JOBS_A_PASS))
