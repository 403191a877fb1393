"""Workers and their connections to PostgreSQL: more threads than connections, and connections that are cut."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from executions.models import Run
from executions.states import RunStatus
from schedules.triggers import run_now
from tests.factories import make_job
from tests.receiver import answer
from tests.waiting import wait_until

if TYPE_CHECKING:
    from schedules.models import Job
    from tests.acceptance.processes import Processes
    from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def run_many(job: Job, n: int) -> None:
    for number in range(n):
        run_now(job, datetime.now(UTC) + timedelta(microseconds=number), actor="tests")


def n_succeeded(job: Job) -> int:
    return Run.objects.filter(job=job, status=RunStatus.SUCCEEDED).count()


def test_more_slow_calls_than_connections_are_each_made_once(processes: Processes, receiver: Receiver) -> None:
    receiver.script("/slow", answer(200, after=1))
    processes.start("beat", "worker-http")  # eight threads, a pool of four
    target = {"kind": "http", "method": "POST", "url": receiver.url("/slow")}
    job = make_job(schedule={"kind": "none"}, target=target, now=datetime.now(UTC))
    run_many(job, 24)
    wait_until(lambda: n_succeeded(job) == 24, 40, what="the end of all runs")
    assert len(receiver.requests) == 24
    assert not Run.objects.filter(n_lost__gt=0).exists()


def test_workers_carry_on_after_postgresql_has_cut_their_connections(processes: Processes, receiver: Receiver) -> None:
    processes.start("beat", "worker", "worker-http")
    now = datetime.now(UTC)
    call = make_job("call", {"kind": "none"}, target={"kind": "http", "url": receiver.url("/")}, now=now)
    echo = make_job("echo", {"kind": "none"}, now=now)
    for job in (call, echo):
        run_many(job, 4)
    wait_until(lambda: n_succeeded(call) == n_succeeded(echo) == 4, what="the runs before")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    for job in (call, echo):
        run_many(job, 20)
    wait_until(lambda: n_succeeded(call) == n_succeeded(echo) == 24, 60, what="the runs afterwards")
