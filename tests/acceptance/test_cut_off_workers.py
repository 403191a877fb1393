"""A worker that is cut off or frozen for longer than its lease cannot overwrite what another worker did."""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from celery import Celery

from executions.models import Attempt, Run
from executions.states import RunStatus
from schedules.triggers import run_now
from tests.acceptance.processes import database_url
from tests.acceptance.tcp_proxy import tcp_proxy
from tests.factories import make_job
from tests.receiver import answer
from tests.waiting import wait_until

if TYPE_CHECKING:
    from schedules.models import Job
    from tests.acceptance.processes import Processes
    from tests.receiver import Handler, Receiver

pytestmark = pytest.mark.django_db(transaction=True)

SLEEP = {"kind": "command", "name": "demo.sleep"}


def sleeping(seconds: int) -> Job:
    """Make a job whose runs take this long."""
    return make_job("sleep", {"kind": "none"}, target=SLEEP, payload={"seconds": seconds}, now=datetime.now(UTC))


def has_succeeded(run: Run) -> bool:
    return Run.objects.get(pk=run.pk).status == RunStatus.SUCCEEDED


def run_one(job: Job) -> Run:
    return run_now(job, datetime.now(UTC), actor="tests")


def stop_taking_messages(processes: Processes, worker: str) -> None:
    """Let the worker take no messages: the broker may give it the same message again, seconds later."""
    control = Celery("tests", broker=processes.broker_url).control
    for queue in ("http", "housekeeping"):
        replies = control.cancel_consumer(queue, destination=[f"{worker}@tests"], reply=True, timeout=20, limit=1)
        assert replies and "ok" in replies[0][f"{worker}@tests"], replies


def test_a_worker_that_was_cut_off_cannot_overwrite_what_another_did(processes: Processes, receiver: Receiver) -> None:
    restored = threading.Event()

    def answer_once_restored(handler: Handler) -> None:
        restored.wait(100)
        handler.send(200)

    url = receiver.script("/slow", answer_once_restored, answer(200))
    target = {"kind": "http", "method": "POST", "url": url}
    with tcp_proxy(database_url()) as proxy:
        far = processes.with_environment(DATABASE_URL=proxy.url)
        try:
            processes.start("beat")
            far.start("worker-http")
            run = run_one(
                make_job("slow", {"kind": "none"}, now=datetime.now(UTC), target=target, policies={"timeout": "2m"})
            )
            wait_until(lambda: receiver.requests, what="its start")
            stop_taking_messages(far, "worker-http")
            proxy.cut()
            processes.start("worker-http#2")
            wait_until(lambda: has_succeeded(run), 60, what="the end of the run elsewhere")
            proxy.restore()
            restored.set()
            wait_until(lambda: "claim_lost" in far.log_of("worker-http"), 40, what="the first worker's end")
            first, second = Attempt.objects.filter(run_id=run.pk).order_by("number")
            assert (first.status, second.status) == ("lost", "succeeded")
            assert second.worker.startswith("worker-http#2@")
            assert len(receiver.requests) == 2, "one for each attempt"
            assert len({call.headers["idempotency-key"] for call in receiver.requests}) == 1
            assert has_succeeded(run)
            assert not far.tracebacks() and not processes.tracebacks()
        finally:
            far.kill_all()


def test_a_worker_that_was_frozen_beyond_its_lease_changes_nothing(processes: Processes) -> None:
    processes.start("beat", "worker")
    run = run_one(sleeping(8))
    wait_until(lambda: Run.objects.get(pk=run.pk).status == RunStatus.RUNNING, what="its start")
    processes.signal("worker", signal.SIGSTOP)
    processes.start("worker#2")
    wait_until(lambda: has_succeeded(run), 60, what="the end of the run elsewhere")
    processes.signal("worker", signal.SIGCONT)
    wait_until(lambda: "claim_lost" in processes.log_of("worker"), 40, what="the first worker's end")
    assert [each.status for each in Attempt.objects.filter(run_id=run.pk).order_by("number")] == ["lost", "succeeded"]
