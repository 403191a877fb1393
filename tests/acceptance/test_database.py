"""Workers with fewer database connections than threads, or with cut connections, make each call once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection

from executions.models import Run
from executions.states import RunStatus
from schedules.triggers import run_now
from tests.acceptance.fixtures import shared_processes
from tests.factories import make_job
from tests.receiver import answer
from tests.waiting import wait_until

if TYPE_CHECKING:
    from schedules.models import Job
    from tests.receiver import Receiver

processes = shared_processes("beat", "worker", "worker-http")  # eight threads, a pool of four connections


def run_many(job: Job, n: int) -> None:
    for number in range(n):
        run_now(job, datetime.now(UTC) + timedelta(microseconds=number), actor="tests")


def n_succeeded(job: Job) -> int:
    return Run.objects.filter(job=job, status=RunStatus.SUCCEEDED).count()


def test_more_slow_calls_than_connections_are_each_made_once(receiver: Receiver) -> None:
    receiver.script("/slow", answer(200, after=1))
    target = {"kind": "http", "method": "POST", "url": receiver.url("/slow")}
    job = make_job(schedule={"kind": "none"}, target=target, now=datetime.now(UTC))
    run_many(job, 24)
    wait_until(lambda: n_succeeded(job) == 24, 40, what="the end of all runs")
    assert len(receiver.requests) == 24
    assert not Run.objects.filter(job=job, n_lost__gt=0).exists()


def test_workers_continue_after_postgresql_has_cut_their_connections(receiver: Receiver) -> None:
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
