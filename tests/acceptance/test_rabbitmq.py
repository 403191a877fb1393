"""With RabbitMQ as the broker jobs fire, run and are retried, also after RabbitMQ was away or hung."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from executions.models import Run
from executions.states import RunStatus
from schedules.triggers import pause, run_now
from tests.acceptance.rabbitmq import rabbitmq
from tests.acceptance.tcp_proxy import TcpProxy, tcp_proxy
from tests.factories import make_job
from tests.receiver import answer
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.acceptance.processes import Processes
    from tests.receiver import Receiver

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with rabbitmq() as running:
        yield running


def test_jobs_fire_run_and_are_retried_over_rabbitmq(processes: Processes, receiver: Receiver, url: str) -> None:
    receiver.script("/flaky", answer(500), answer(200))
    over_amqp = processes.with_environment(BROKER_URL=url)
    try:
        over_amqp.start("beat", "worker", "worker-http")
        now = datetime.now(UTC)
        every_second = make_job("every second", {"every": "1s"}, now=now)
        flaky = make_job(
            "flaky",
            {"kind": "none"},
            now=now,
            target={"kind": "http", "method": "POST", "url": receiver.url("/flaky")},
            policies={"retry": {"delay": "1s"}},
        )
        run = run_now(flaky, now, actor="tests")
        wait_until(lambda: Run.objects.get(pk=run.pk).is_terminal, 30, what="the end of the flaky run")
        done = Run.objects.filter(job=every_second, status=RunStatus.SUCCEEDED)
        wait_until(lambda: done.count() >= 3, 30, what="three occurrences")
        pause(every_second.pk, datetime.now(UTC), actor="tests")
        wait_until(lambda: not Run.objects.filter(finished_at=None).exists(), 30, what="the end of all runs")
    finally:
        over_amqp.kill_all()
    run.refresh_from_db()
    assert (run.status, run.n_attempts) == (RunStatus.SUCCEEDED, 2)
    lateness = [each.start_delay() for each in done]
    assert all(late is not None and late < timedelta(seconds=2) for late in lateness), lateness


@pytest.mark.parametrize("interrupt", [TcpProxy.cut, TcpProxy.stall], ids=["away", "hangs"])
def test_without_rabbitmq_runs_are_recorded_and_they_run_afterwards(
    processes: Processes, url: str, interrupt: Callable[[TcpProxy], None]
) -> None:
    with tcp_proxy(url) as proxy:
        over_amqp = processes.with_environment(BROKER_URL=proxy.url)
        try:
            over_amqp.start("beat", "worker")
            job = make_job("every second", {"every": "1s"}, now=datetime.now(UTC), policies={"overlap": "allow"})
            runs = Run.objects.filter(job=job)
            done = runs.filter(status=RunStatus.SUCCEEDED)
            wait_until(lambda: done.count() >= 2, 30, what="two runs")
            interrupt(proxy)
            interrupted_at, n_before = datetime.now(UTC), runs.count()
            wait_until(
                lambda: runs.count() >= n_before + 10, 40, what="ten more occurrences, recorded without a broker"
            )
            proxy.restore()
            n_recorded = runs.count()
            wait_until(lambda: done.count() >= n_recorded, 60, what="the end of all those runs")
            pause(job.pk, datetime.now(UTC), actor="tests")
            wait_until(lambda: done.count() == runs.count(), 60, what="the end of all runs")
            recorded = runs.filter(nominal_at__gt=interrupted_at).values_list("created_at", "nominal_at")
            assert max(created - nominal for created, nominal in recorded) < timedelta(seconds=5), "within the grace"
            assert not over_amqp.tracebacks()
        finally:
            over_amqp.kill_all()
