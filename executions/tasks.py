"""The Celery tasks that execute runs, recover lost runs, and maintain the run history."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

from celery import Task, shared_task
from celery.signals import celeryd_after_setup, worker_process_init
from django.conf import settings
from django.db import Error as DatabaseFault

from executions.dispatch import RUN_TASK
from executions.history import partitions, retention
from executions.policies.limits import Priority
from executions.worker import reaper, runner
from values import clock
from values.database import RETRYABLE_ERRORS, log_retryable, log_retryable_errors, release_connection

if TYPE_CHECKING:
    from celery.app.task import Context

HOUSEKEEPING_BATCH_ROWS = 500  # per transaction: row locks stay short, and a task that is killed loses little work


@celeryd_after_setup.connect
def warm_up_new_processes(**_: object) -> None:
    """Warm up each process of the pool, so that its first run does not wait for a database connection."""
    # Connected this late on purpose: Celery's own handler, which closes all connections, has to run before ours.
    worker_process_init.connect(warm_up_process)


def warm_up_process(**_: object) -> None:
    """Open a database connection. Claim and finish a run that does not exist, to fill PostgreSQL's caches."""
    with suppress(DatabaseFault):  # the first run will report it
        runner.warm_up()
    release_connection()


@shared_task(name=RUN_TASK, bind=True)
def execute_runs(self: Task[..., None], claims: list[list[Any]]) -> None:
    """Execute runs, each given by (id, claim number) or (id, claim number, share): see `Message.args`."""
    request: Context = self.request
    runner.execute_runs(
        [(UUID(run_id), claim_no) for run_id, claim_no, *_ in claims],
        f"{request.hostname}:{os.getpid()}",
        shares={UUID(run_id): share for run_id, _, *rest in claims for share in rest},
        priority=priority_rank((request.delivery_info or {}).get("priority")),
    )


def priority_rank(number: int | None) -> int:
    """Return the rank of a message's priority number (`settings.MESSAGE_PRIORITIES`); medium if it is unknown."""
    numbers = settings.MESSAGE_PRIORITIES
    return numbers.index(number) if number in numbers else Priority.MEDIUM.rank


@shared_task(name="executions.reap", bind=True)
def reap(self: Task[..., dict[str, int] | None]) -> dict[str, int] | None:
    """Recover the runs whose worker was lost, and recheck held runs.

    After one of RETRYABLE_ERRORS the task is queued once more, because another worker may reach the database.
    """
    now = clock.now()
    try:
        reaper.recheck_held(now)
        return asdict(reaper.reap_once(now, HOUSEKEEPING_BATCH_ROWS))
    except RETRYABLE_ERRORS as error:
        log_retryable("reap", error)
        request: Context = self.request
        if request.id and not request.retries:
            self.retry(countdown=0, throw=False)
        return None


@shared_task(name="executions.prune")
def prune() -> dict[str, int] | None:
    """Delete history that is older than `MAINSPRING_RETENTION`."""
    with log_retryable_errors("prune"):
        return asdict(retention.prune_all(clock.now(), settings.MAINSPRING.retention, HOUSEKEEPING_BATCH_ROWS))


@shared_task(name="executions.prepare_days")
def prepare_days() -> int | None:
    """Create the partitions of today and the next days.

    Runs of a day that has no partition are stored in the partition `other`.
    """
    with log_retryable_errors("prepare_days"):
        return partitions.prepare(clock.now())
