"""A worker calls one host with four fifths of its threads at once, up to hundreds, and two workers share the calls."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from celery import Celery
from django.db import connection

from access.system import SYSTEM_SCOPE_ID
from executions.lifecycle import transitions
from executions.lifecycle.types import NewRun
from executions.models import Attempt, Run
from tests.factories import make_job
from tests.gate import Gate
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.acceptance.processes import Processes
    from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def open_runs(gate: Gate, number: int) -> None:
    """Open `number` runs of one job that calls the gate, all due at once."""
    now = datetime.now(UTC)
    job = make_job(
        "calls", {"kind": "none"}, now=now, target={"kind": "http", "method": "POST", "url": gate.url},
        policies={"overlap": "allow", "timeout": "2m"},
    )  # fmt: skip
    new = [NewRun(SYSTEM_SCOPE_ID, job.pk, job.spec_id, now + timedelta(microseconds=each)) for each in range(number)]
    transitions.open_runs(new, now, dispatch_at=now)


def n_connections() -> int:
    """Return how many connections other processes have to this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        (number,) = cursor.fetchone()
    return int(number)


def all_succeeded() -> bool:
    return not Run.objects.exclude(status="succeeded").exists()


def test_one_worker_has_500_calls_to_one_host_in_flight_on_20_connections(
    processes: Processes, receiver: Receiver
) -> None:
    gate, most = Gate(receiver), 0
    many = processes.with_environment(MAINSPRING_DB_POOL="20")

    def connections_are_few() -> bool:
        nonlocal most
        most = max(most, n_connections())
        return most <= 20 + 2  # beat has one, and one to listen with

    try:
        many.start("beat", "worker-http-625")
        open_runs(gate, 500)
        wait_until(lambda: connections_are_few() and gate.inside == 500, 60, what="500 calls at once")
        workers = set(Run.objects.values_list("worker", flat=True))
        assert len(workers) == 1, workers
        inspect = Celery("asking", broker=many.broker_url).control.inspect(timeout=5)
        ((_, stats),) = (inspect.stats() or {}).items()
        ((_, active),) = (inspect.active() or {}).items()
        assert stats["prefetch_count"] == len(active) + 125, "it takes no more messages than it has free threads"
        if (status := Path(f"/proc/{stats['pid']}/status")).exists():
            (resident,) = re.findall(r"VmRSS:\s+(\d+) kB", status.read_text())
            assert int(resident) < 200 * 1024
        gate.is_open.set()
        wait_until(lambda: connections_are_few() and all_succeeded(), 60, what="the end of all")
        assert most <= 22
        assert Attempt.objects.count() == 500, "no claim was lost"
        assert not many.tracebacks() and "database_away" not in many.log_of("worker-http-625")
    finally:
        gate.is_open.set()
        many.kill_all()


def test_two_workers_share_the_calls_to_one_host(processes: Processes, receiver: Receiver) -> None:
    gate = Gate(receiver)
    processes.start("beat", "worker-http")
    open_runs(gate, 100)
    wait_until(lambda: gate.inside == 6, what="six calls")
    processes.start("worker-http#2")
    wait_until(lambda: gate.inside == 12, 30, what="six more, of the second worker")
    codes: list[int] = []
    stopping = threading.Thread(target=lambda: codes.append(processes.stop("worker-http")))
    stopping.start()
    wait_until(lambda: "Warm shutdown" in processes.log_of("worker-http"), what="the warm shutdown of the first")
    assert set(Run.objects.values_list("status", flat=True)) == {"queued", "running"}
    gate.is_open.set()
    stopping.join()
    assert codes == [0]
    wait_until(all_succeeded, 60, what="the end of all")
    assert gate.most_inside == 12, "two of the eight threads of each worker stay free for other hosts"
    assert Attempt.objects.count() == 100, "a stopping worker ends its calls itself"
    assert not processes.tracebacks()
