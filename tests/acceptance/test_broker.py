"""A broker that loses all its messages delays runs and loses none: they are published again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import redis

from executions.models import Run
from executions.states import RunStatus
from schedules.triggers import pause, run_now
from tests.factories import make_job
from tests.queues import n_waiting
from tests.waiting import wait_until

if TYPE_CHECKING:
    from schedules.models import Job
    from tests.acceptance.processes import Processes

pytestmark = pytest.mark.django_db(transaction=True)


def every_second() -> Job:
    return make_job("every second", {"every": "1s"}, now=datetime.now(UTC), policies={"overlap": "allow"})


def has_runs(job: Job, at_least: int) -> bool:
    return Run.objects.filter(job=job).count() >= at_least


def all_done(job: Job, at_least: int) -> bool:
    return has_runs(job, at_least) and not Run.objects.filter(job=job).exclude(status=RunStatus.SUCCEEDED).exists()


def test_a_broker_that_is_flushed_repeatedly_delays_runs_and_loses_none(processes: Processes) -> None:
    processes.start("beat", "worker")
    job = every_second()
    broker = redis.Redis.from_url(processes.broker_url)
    for number in range(1, 5):
        wait_until(partial(has_runs, job, 2 * number), what="two more runs")
        broker.flushdb()
    pause(job.pk, datetime.now(UTC), actor="tests")
    wait_until(lambda: all_done(job, 8), 40, what="the end of all runs")
    instants = list(Run.objects.filter(job=job).order_by("nominal_at").values_list("nominal_at", flat=True))
    assert {later - earlier for earlier, later in pairwise(instants)} == {timedelta(seconds=1)}


def test_a_lost_message_of_a_queued_run_is_published_again(processes: Processes) -> None:
    processes.start("beat")
    now = datetime.now(UTC)
    run = run_now(make_job(schedule={"kind": "none"}, now=now), now, actor="tests")
    broker = redis.Redis.from_url(processes.broker_url)
    wait_until(lambda: n_waiting(broker, "command"), what="the message")
    broker.flushdb()
    processes.start("worker")
    wait_until(lambda: Run.objects.get(pk=run.pk).status == RunStatus.SUCCEEDED, 40, what="the end of the run")
