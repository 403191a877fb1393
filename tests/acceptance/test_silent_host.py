"""A host that does not answer delays only its own runs: a worker goes on calling other hosts."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from access.system import SYSTEM_SCOPE_ID
from executions.lifecycle import transitions
from executions.lifecycle.types import NewRun
from executions.models import Attempt, Run
from schedules.triggers import pause
from tests.factories import make_job
from tests.gate import Gate
from tests.receiver import answer, hang
from tests.waiting import wait_until

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from schedules.models import Job
    from tests.acceptance.processes import Processes
    from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

TIMEOUT = timedelta(seconds=10)


def open_silent_runs(receiver: Receiver, number: int, timeout: str) -> Job:
    """Open `number` runs that call 127.0.0.1, which does not answer."""
    return open_runs("silent", receiver.script("/silent", hang()), number, timeout=timeout)


def open_runs(name: str, url: str, number: int, **policies: str) -> Job:
    """Open `number` runs of a job, all due at once. A failed run is not retried."""
    now = datetime.now(UTC)
    job = make_job(
        name,
        {"kind": "none"},
        now=now,
        target={"kind": "http", "method": "POST", "url": url},
        policies={"overlap": "allow", "retry": {"max_retries": 0}, **policies},
    )
    new = [NewRun(SYSTEM_SCOPE_ID, job.pk, job.spec_id, now + timedelta(microseconds=each)) for each in range(number)]
    transitions.open_runs(new, now, dispatch_at=now)
    return job


def make_healthy_job(receiver: Receiver) -> Job:
    """Make a job that calls another host each second. To Mainspring, `localhost` is another host than 127.0.0.1."""
    receiver.script("/healthy", answer())
    target = {"kind": "http", "method": "POST", "url": receiver.url("/healthy", host="localhost")}
    return make_job("healthy", {"every": "1s"}, now=datetime.now(UTC), target=target, policies={"overlap": "allow"})


def waiting_runs() -> QuerySet[Run]:
    """Return the runs whose publication a worker has postponed."""
    return Run.objects.filter(status="queued", n_published=0, dispatch_at__gt=datetime.now(UTC))


def assert_started_in_time(job: Job) -> None:
    """Pause the job; assert that no run of it waited until a silent call ended, and that each succeeded."""
    pause(job.pk, datetime.now(UTC), actor="tests")
    of_job = Run.objects.filter(job=job)
    wait_until(lambda: not of_job.exclude(status="succeeded").exists(), 10, what="the end of the healthy runs")
    delays = [run.start_delay() or timedelta.max for run in of_job]
    assert max(delays) < TIMEOUT / 2, sorted(delays)[-5:]


def test_sixty_calls_to_a_silent_host_delay_no_other_host(processes: Processes, receiver: Receiver) -> None:
    processes.start("beat", "worker-http-50")
    silent = open_silent_runs(receiver, 60, f"{TIMEOUT.seconds}s")
    healthy = make_healthy_job(receiver)
    wait_until(lambda: Run.objects.filter(job=silent, status="failed").count() == 60, 60, what="the end of all calls")
    assert_started_in_time(healthy)
    statuses = Attempt.objects.filter(run__job=silent).values_list("status", flat=True)
    assert Counter(statuses) == {"timed_out": 60}
    calls = Counter(each.headers["mainspring-run-id"] for each in receiver.requests if each.path == "/silent")
    assert len(calls) == 60 and set(calls.values()) == {1}, "each attempt called once"
    delays = [run.start_delay() or timedelta.max for run in Run.objects.filter(job=silent)]
    n_first = sum(delay < min(delays) + TIMEOUT / 2 for delay in delays)
    assert n_first == 40, "one host gets 40 of 50 places"
    assert not processes.tracebacks()


def test_a_backlog_of_a_silent_host_delays_no_other_host(processes: Processes, receiver: Receiver) -> None:
    silent = open_silent_runs(receiver, 3000, "2m")
    processes.start("beat")
    wait_until(lambda: not Run.objects.filter(n_published=0).exists(), 30, what="messages of all runs")
    healthy = make_healthy_job(receiver)
    wait_until(lambda: Run.objects.filter(job=healthy, n_published=1).count() >= 2, what="messages of two healthy runs")
    processes.start("worker-http-50")
    of_healthy = Run.objects.filter(job=healthy)
    wait_until(lambda: of_healthy.filter(status="succeeded").count() >= 12, 40, what="twelve healthy runs")
    pause(healthy.pk, datetime.now(UTC), actor="tests")
    wait_until(lambda: not of_healthy.exclude(status="succeeded").exists(), 10, what="the end of the healthy runs")
    assert not Attempt.objects.filter(run__job=silent).exclude(status="running").exists(), "no silent call has ended"
    of_silent = Run.objects.filter(job=silent)
    assert of_silent.filter(status="running").count() == 40
    waiting = waiting_runs().filter(job=silent, n_attempts=0)
    assert waiting.count() > 2000, "the worker has postponed the other runs, and has claimed none of them"
    assert not processes.tracebacks()


def test_a_waiting_run_with_a_higher_priority_starts_first(processes: Processes, receiver: Receiver) -> None:
    gate = Gate(receiver)
    processes.start("beat", "worker-http")
    open_runs("usual", gate.url, 12)
    wait_until(lambda: gate.inside == waiting_runs().count() == 6, what="six of eight threads, six waiting runs")
    urgent = open_runs("urgent", gate.url, 1, priority="critical")
    wait_until(lambda: waiting_runs().count() == 7, what="seven waiting runs")
    ids = list(waiting_runs().values_list("pk", flat=True))
    gate.is_open.set()
    wait_until(lambda: Run.objects.filter(status="succeeded").count() == 13, what="the end of all runs")
    in_order = Run.objects.filter(pk__in=ids).order_by("attempt_at").values_list("attempt_at", flat=True)
    assert Run.objects.get(job=urgent).attempt_at == in_order[0]
    assert not processes.tracebacks()


def test_runs_that_wait_in_a_worker_survive_its_death(processes: Processes, receiver: Receiver) -> None:
    processes.start("beat", "worker-http")
    job = open_silent_runs(receiver, 20, "1m")
    of_job = Run.objects.filter(job=job)
    wait_until(lambda: of_job.filter(status="running").count() == 6, what="six of eight threads")
    wait_until(lambda: waiting_runs().count() == 14, what="fourteen waiting runs")
    processes.kill("worker-http")
    receiver.script("/silent", answer())
    processes.start("worker-http#2")
    wait_until(lambda: of_job.filter(status="succeeded").count() == 20, 60, what="the end of all runs")
    lost = of_job.filter(n_lost=1)
    assert lost.count() == 6, "the runs that the killed worker had started"
    assert set(of_job.exclude(n_lost=1).values_list("n_attempts", "claim_no")) == {(1, 1)}, "waiting used no attempt"
    assert not processes.tracebacks()
