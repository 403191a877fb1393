"""Celery's shells: read the clock, call one pass, return its counts."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from celery import Task, shared_task
from django.conf import settings

from executions import reaper, retention, runner
from executions.dispatch import CARRY_OUT

if TYPE_CHECKING:
    from celery.app.task import Context

BATCH = 500


@shared_task(name=CARRY_OUT, bind=True)
def carry_out(self: Task[..., None], claims: list[tuple[str, int]]) -> None:
    """Carry out runs, each named by its id and claim number."""
    request: Context = self.request
    runner.carry_out([(UUID(run_id), claim_no) for run_id, claim_no in claims], f"{request.hostname}:{os.getpid()}")


@shared_task(name="executions.reap")
def reap() -> dict[str, int]:
    """Recover the runs whose worker was lost."""
    return asdict(reaper.reap_once(datetime.now(UTC), BATCH))


@shared_task(name="executions.prune")
def prune() -> dict[str, int]:
    """Delete history that is older than the retention."""
    return asdict(retention.prune_all(datetime.now(UTC), settings.MAINSPRING.retention, BATCH))
