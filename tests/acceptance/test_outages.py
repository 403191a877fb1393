"""While the broker hangs, is away or loses its messages, runs are recorded on time; they run when it is back."""

from __future__ import annotations

import os
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import redis

from executions.models import Run
from executions.states import RunStatus
from scheduler_project.launch import stores
from schedules.triggers import pause, run_now
from tests.factories import make_job
from tests.queues import n_waiting
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scheduler_project.launch.valkey import Valkey
    from schedules.models import Job
    from tests.acceptance.processes import Processes
    from tests.receiver import Receiver

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]


@pytest.fixture
def broker() -> Iterator[Valkey]:
    """A broker of the test's own, which it may stop and start."""
    with stores.valkey() as server:
        yield server


@pytest.fixture
def cluster(processes: Processes, broker: Valkey) -> Iterator[Processes]:
    """Processes on that broker."""
    running = processes.with_environment(BROKER_URL=broker.url)
    yield running
    running.kill_all()


def every_second() -> Job:
    return make_job("every second", {"every": "1s"}, now=datetime.now(UTC), policies={"overlap": "allow"})


def n_runs(job: Job) -> int:
    return Run.objects.filter(job=job).count()


def n_succeeded(job: Job) -> int:
    return Run.objects.filter(job=job, status=RunStatus.SUCCEEDED).count()


def assert_each_second_has_a_run_that_succeeded(job: Job) -> None:
    runs = list(Run.objects.filter(job=job).order_by("nominal_at"))
    assert {(run.status, run.reason) for run in runs} == {(RunStatus.SUCCEEDED, "")}
    assert {later.nominal_at - run.nominal_at for run, later in pairwise(runs)} == {timedelta(seconds=1)}


def hang(server: Valkey) -> None:
    """Let the server accept connections and never answer."""
    os.kill(server.pid, signal.SIGSTOP)


def wake(server: Valkey) -> None:
    os.kill(server.pid, signal.SIGCONT)


def test_while_the_broker_hangs_runs_are_recorded_and_they_run_afterwards(cluster: Processes, broker: Valkey) -> None:
    cluster.start("beat", "worker")
    job = every_second()
    wait_until(lambda: n_succeeded(job) >= 2, what="two runs")
    hang(broker)
    hung_at, n_before = datetime.now(UTC), n_runs(job)
    wait_until(lambda: n_runs(job) >= n_before + 15, 40, what="fifteen more occurrences, recorded without a broker")
    wake(broker)
    recorded = Run.objects.filter(job=job, nominal_at__gt=hung_at).values_list("created_at", "nominal_at")
    assert max(created - nominal for created, nominal in recorded) < timedelta(seconds=5), "within the grace"
    n_recorded = n_runs(job)
    wait_until(lambda: n_succeeded(job) >= n_recorded, 40, what="the end of all those runs")
    pause(job.pk, datetime.now(UTC), actor="tests")
    wait_until(lambda: n_succeeded(job) == n_runs(job), what="the end of all runs")
    assert_each_second_has_a_run_that_succeeded(job)
    assert "broker_away" in cluster.log_of("beat") and "broker_back" in cluster.log_of("beat")
    assert not cluster.tracebacks()


def test_a_broker_that_was_away_for_a_minute_delays_runs_and_loses_none(
    cluster: Processes, broker: Valkey, receiver: Receiver
) -> None:
    cluster.start("beat", "worker-http")
    target = {"kind": "http", "method": "POST", "url": receiver.url("/hook")}
    job = make_job("hook", {"every": "1s"}, now=datetime.now(UTC), policies={"overlap": "allow"}, target=target)
    wait_until(lambda: n_succeeded(job) >= 2, what="two runs")
    broker.kill()
    n_before = n_runs(job)
    wait_until(lambda: n_runs(job) >= n_before + 60, 80, what="a minute's occurrences, recorded without a broker")
    broker.start()
    n_recorded = n_runs(job)
    wait_until(lambda: n_succeeded(job) >= n_recorded, 60, what="the end of all those runs")
    pause(job.pk, datetime.now(UTC), actor="tests")
    wait_until(lambda: n_succeeded(job) == n_runs(job), 40, what="the end of all runs")
    assert_each_second_has_a_run_that_succeeded(job)
    calls = Counter(call.headers["idempotency-key"] for call in receiver.requests)
    assert len(calls) == n_runs(job) and set(calls.values()) == {1}, "each run called its target once"
    assert not cluster.tracebacks()


def test_lost_messages_are_published_again_within_seconds(cluster: Processes, broker: Valkey) -> None:
    patient = cluster.with_environment(MAINSPRING_REPUBLISH_AFTER="600")
    patient.start("beat")
    try:
        now = datetime.now(UTC)
        job = make_job(schedule={"kind": "none"}, now=now)
        for number in range(200):
            run_now(job, now + timedelta(microseconds=number), actor="tests")
        client = redis.Redis.from_url(broker.url)
        is_published = Run.objects.filter(job=job, n_published=1)
        wait_until(lambda: is_published.count() == 200 and n_waiting(client, "command"), what="all messages")
        client.flushall()
        flushed_at = datetime.now(UTC)
        patient.start("worker")
        wait_until(lambda: n_succeeded(job) == 200, 60, what="the end of all runs")
        print(f"200 runs done {datetime.now(UTC) - flushed_at} after the flush, the worker's start included")
    finally:
        patient.kill_all()
