"""Celery's shells: read the clock, call one pass, return its counts."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from celery import Task, shared_task
from celery.signals import celeryd_after_setup, worker_process_init
from django.conf import settings
from django.db import Error as DatabaseFault

from executions.dispatch import RUN_TASK
from executions.history import partitions, retention
from executions.worker import reaper, runner
from values.database import DATABASE_UNAVAILABLE, log_database_unavailable, one_line, release_connection

if TYPE_CHECKING:
    from celery.app.task import Context

log = structlog.get_logger(__name__)

HOUSEKEEPING_BATCH_ROWS = 500


@celeryd_after_setup.connect
def have_processes_ready(**_: object) -> None:
    """Connected so that the first run of a process of the pool does not wait for a connection."""
    worker_process_init.connect(be_ready)  # not before: Celery connects there what closes all connections


def be_ready(**_: object) -> None:
    """What keeps a process from being ready its first run will tell."""
    with suppress(DatabaseFault):
        runner.warm_up()
    release_connection()


@shared_task(name=RUN_TASK, bind=True)
def execute_runs(self: Task[..., None], claims: list[tuple[str, int]]) -> None:
    """Carry out runs, each named by its id and claim number."""
    request: Context = self.request
    runner.execute_runs([(UUID(run_id), claim_no) for run_id, claim_no in claims], f"{request.hostname}:{os.getpid()}")


@shared_task(name="executions.reap", bind=True)
def reap(self: Task[..., dict[str, int] | None]) -> dict[str, int] | None:
    """Recover the runs whose worker was lost. Once, a worker that does not reach the database leaves it to another."""
    now = datetime.now(UTC)
    try:
        reaper.reconsider(now)
        return asdict(reaper.reap_once(now, HOUSEKEEPING_BATCH_ROWS))
    except DATABASE_UNAVAILABLE as error:
        log.warning("database_away", action="reap", error=one_line(error))
        request: Context = self.request
        if request.id and not request.retries:
            self.retry(countdown=0, throw=False)
        return None


@shared_task(name="executions.prune")
def prune() -> dict[str, int] | None:
    """Delete history that is older than the retention."""
    with log_database_unavailable("prune"):
        return asdict(retention.prune_all(datetime.now(UTC), settings.MAINSPRING.retention, HOUSEKEEPING_BATCH_ROWS))


@shared_task(name="executions.prepare_days")
def prepare_days() -> int | None:
    """Make the partitions of the days to come. Runs are recorded without them too, and are moved there later."""
    with log_database_unavailable("prepare_days"):
        return partitions.prepare(datetime.now(UTC))
