"""Proves that the run pool executes runs of several messages at the same time, and shares and frees its places."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

import pytest
from django.db import OperationalError, connection, connections

from executions.dispatch import dispatch_once, republish_stranded
from executions.lifecycle import transitions
from executions.models import Attempt, Run
from executions.states import RunStatus
from executions.worker import attempt, end_writer, side_by_side, waiting
from executions.worker.heartbeat import heartbeat, renew_once
from executions.worker.shares import PoolRun
from executions.worker.side_by_side import RunPool
from tests.factories import NOW, end, make_job, make_run
from tests.gate import Gate
from tests.receiver import running_receiver
from tests.waiting import wait_until
from values import database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]


IMPOSSIBLE_STACK = 2**60  # bytes


def now() -> datetime:
    return datetime.now(UTC)


def runs(gate: Gate, number: int, share: str = "", name: str = "calls") -> list[PoolRun]:
    job = make_job(name, target={"kind": "http", "method": "POST", "url": gate.url})
    opened = [make_run(job, NOW + timedelta(milliseconds=each)) for each in range(number)]
    return [PoolRun(run.pk, 0, share) for run in opened]


@pytest.fixture
def gate(settings: Settings) -> Iterator[Gate]:
    settings.MAINSPRING = replace(settings.MAINSPRING, http_allow_private_networks=True)
    with running_receiver() as receiver:
        gate = Gate(receiver)
        yield gate
        gate.is_open.set()


@pytest.fixture
def run_pool() -> Iterator[RunPool]:
    run_pool = RunPool()
    run_pool.start(4, lambda: None)
    yield run_pool
    run_pool.stop()
    assert run_pool.n_extra == 0, "ended runs are not counted"
    assert run_pool._shares.n_free == 4, "all places are free again"
    assert run_pool._shares.n_waiting == 0


@pytest.fixture
def refuses(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """While this event is set, the system refuses the threads of run pools: it has no memory for their stacks."""
    refuses, start, lock = threading.Event(), threading.Thread.start, threading.Lock()

    def start_or_fail(thread: threading.Thread) -> None:
        is_refused = refuses.is_set() and thread.name.startswith("mainspring-run")
        with lock:
            before = threading.stack_size(IMPOSSIBLE_STACK if is_refused else 0)
            try:
                start(thread)
            finally:
                threading.stack_size(before)

    monkeypatch.setattr(threading.Thread, "start", start_or_fail)
    return refuses


class Message(threading.Thread):
    """Executes the runs of one message in a thread, as Celery's pool does."""

    def __init__(self, run_pool: RunPool, wanted: list[PoolRun]) -> None:
        super().__init__()
        self._run_pool, self._wanted = run_pool, wanted
        self.n_ended = 0
        self.start()

    def run(self) -> None:
        self.n_ended = len(self._run_pool.execute_runs(self._wanted, "w", now))
        connections.close_all()


def statuses() -> list[str]:
    return sorted(Run.objects.values_list("status", flat=True))


def test_the_runs_of_a_message_are_executed_at_the_same_time(run_pool: RunPool, gate: Gate) -> None:
    message = Message(run_pool, runs(gate, 4))
    wait_until(lambda: gate.inside == 4, what="four at once")
    assert run_pool.n_extra == 3
    assert statuses() == ["running"] * 4
    gate.is_open.set()
    message.join()
    assert message.n_ended == Attempt.objects.count() == 4
    assert statuses() == ["succeeded"] * 4


def test_the_heartbeat_passes_stop_requests_to_each_run_of_a_message(run_pool: RunPool, gate: Gate) -> None:
    wanted = runs(gate, 3)
    message = Message(run_pool, wanted)
    wait_until(lambda: gate.inside == 3, what="three at once")
    for run in wanted:
        transitions.cancel(run.run_id, now(), actor="ann")
    renew_once(list(heartbeat.get()._contexts.values()), now())
    message.join(5)
    assert statuses() == ["cancelled"] * 3


def test_runs_without_a_free_place_are_not_claimed(run_pool: RunPool, gate: Gate) -> None:
    wanted = runs(gate, 6)
    first, second = Message(run_pool, wanted[:3]), Message(run_pool, wanted[3:])
    wait_until(lambda: gate.inside == 4, what="four at once")
    assert statuses() == ["queued"] * 2 + ["running"] * 4
    gate.is_open.set()
    first.join()
    second.join()
    wait_until(lambda: statuses() == ["succeeded"] * 6, what="the end of the two that waited")
    assert gate.most_inside == 4


def test_runs_without_a_place_for_a_second_are_published_again(run_pool: RunPool, gate: Gate) -> None:
    wanted = runs(gate, 6)
    dispatch_once(NOW + timedelta(seconds=1), 10)
    busy = Message(run_pool, wanted[:4])
    wait_until(lambda: gate.inside == 4, what="four at once")
    assert run_pool.execute_runs(wanted[4:], "w", now) == []
    assert run_pool.n_extra == 5, "they count until they are published again"
    wait_until(lambda: run_pool.n_extra == 3, what="the end of their wait")
    (again,) = dispatch_once(now(), 10, 1).messages
    assert {run.run_id for run in again.runs} == {run.run_id for run in wanted[4:]}
    gate.is_open.set()
    busy.join()


def test_one_host_leaves_a_place_to_other_hosts(run_pool: RunPool, gate: Gate) -> None:
    busy = Message(run_pool, runs(gate, 6, "silent"))
    wait_until(lambda: gate.inside == 3, what="three at once")
    healthy = Message(run_pool, runs(gate, 1, "healthy", "other"))
    wait_until(lambda: gate.inside == 4, what="the other host's call")
    assert statuses() == ["queued"] * 3 + ["running"] * 4
    gate.is_open.set()
    busy.join()
    healthy.join()
    wait_until(lambda: statuses() == ["succeeded"] * 7, what="the end of all")
    assert Attempt.objects.count() == 7
    started = [run.started_at or NOW for run in Run.objects.filter(spec__job_name="calls").order_by("nominal_at")]
    assert max(started[:3]) < min(started[3:]), "in the order of arrival"


def test_other_hosts_of_a_message_start_at_once(run_pool: RunPool, gate: Gate) -> None:
    busy = Message(run_pool, runs(gate, 3, "silent"))
    wait_until(lambda: gate.inside == 3, what="three at once")
    mixed = Message(run_pool, [*runs(gate, 2, "silent", "more"), *runs(gate, 1, "healthy", "other")])
    wait_until(lambda: gate.inside == 4, what="the other host's call")
    assert Run.objects.get(spec__job_name="other").status == RunStatus.RUNNING
    gate.is_open.set()
    busy.join()
    mixed.join()
    assert mixed.n_ended == 1
    wait_until(lambda: statuses() == ["succeeded"] * 6, what="the end of all")


def test_a_run_that_waits_for_its_host_is_postponed_without_a_claim(run_pool: RunPool, gate: Gate) -> None:
    wanted = runs(gate, 5, "silent")
    dispatch_once(NOW + timedelta(seconds=1), 10)
    Run.objects.update(available_at=now())
    message = Message(run_pool, wanted)
    wait_until(lambda: Run.objects.filter(n_published=0, status="queued").count() == 2, what="two postponed runs")
    assert run_pool.n_extra == 2, "a postponed run occupies no thread"
    for run in Run.objects.filter(status="queued"):
        assert run.dispatch_at is not None
        assert waiting.MIN_WAIT - timedelta(seconds=5) < run.dispatch_at - now() <= waiting.MIN_WAIT
        assert (run.claim_no, run.n_attempts) == (0, 0)
    assert republish_stranded(["http"], now() + timedelta(seconds=6)) == 0
    gate.is_open.set()
    message.join()
    wait_until(lambda: statuses() == ["succeeded"] * 5, what="the end of all")


def test_a_waiting_run_that_another_worker_has_ended_is_skipped(run_pool: RunPool, gate: Gate) -> None:
    wanted = runs(gate, 5, "silent")
    message = Message(run_pool, wanted)
    wait_until(lambda: gate.inside == 3, what="three at once")
    end(Run.objects.get(pk=wanted[3].run_id))
    gate.is_open.set()
    message.join()
    wait_until(lambda: statuses() == ["succeeded"] * 5, what="the end of all")
    assert Attempt.objects.count() == 5
    assert gate.most_inside == 3


def test_a_pool_that_stops_publishes_waiting_runs_at_once(gate: Gate) -> None:
    run_pool = RunPool()
    run_pool.start(4, lambda: None)
    wanted = runs(gate, 5, "silent")
    message = Message(run_pool, wanted)
    wait_until(lambda: Run.objects.filter(dispatch_at__gt=now()).count() == 2, what="two postponed runs")
    run_pool.stop()
    (again,) = dispatch_once(now(), 10, 1).messages
    assert {run.run_id for run in again.runs} == {run.run_id for run in wanted[3:]}
    assert run_pool.execute_runs(wanted[3:], "w", now) == [], "a stopped pool lets no run wait"
    assert len(dispatch_once(now(), 10).messages) == 2
    gate.is_open.set()
    message.join()
    assert statuses() == ["queued"] * 2 + ["succeeded"] * 3


def test_a_message_is_given_up_when_the_database_stays_unavailable(
    run_pool: RunPool, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "DATABASE_RETRY_SECONDS", 0)

    def refuse(*args: object) -> NoReturn:
        raise OperationalError("the database is unavailable")

    wanted = runs(gate, 3)
    ticks = iter(NOW + timedelta(milliseconds=900 * number) for number in range(100))
    with connection.execute_wrapper(refuse):
        assert run_pool.execute_runs(wanted, "w", lambda: next(ticks)) == []
    assert statuses() == [RunStatus.QUEUED] * 3


def test_a_single_run_is_executed_by_the_thread_of_its_message(run_pool: RunPool, gate: Gate) -> None:
    gate.is_open.set()
    (wanted,) = runs(gate, 1)
    assert len(run_pool.execute_runs([wanted], "w", now)) == 1
    assert run_pool._threads._n_threads == 0


def test_runs_that_get_no_thread_are_queued_again(run_pool: RunPool, gate: Gate, refuses: threading.Event) -> None:
    wanted = runs(gate, 4)
    refuses.set()
    message = Message(run_pool, wanted)
    wait_until(lambda: gate.inside == 1, what="the run that the message's own thread executes")
    assert statuses() == ["queued"] * 3 + ["running"]
    assert run_pool._shares.n_taken == len(heartbeat.get()._contexts) == 1
    refuses.clear()
    (again,) = dispatch_once(now(), 10, 1).messages
    others = Message(run_pool, [PoolRun(run.run_id, run.claim_no) for run in again.runs])
    wait_until(lambda: gate.inside == 4, what="all four at once")
    gate.is_open.set()
    message.join()
    others.join()
    assert Run.objects.filter(status="succeeded", n_attempts=1).count() == Attempt.objects.count() == 4
    assert gate.most_inside == 4, "no run was executed twice"


def test_waiting_runs_that_get_no_thread_are_queued_again(
    run_pool: RunPool, gate: Gate, refuses: threading.Event
) -> None:
    refuses.set()
    single = [Message(run_pool, [run]) for run in runs(gate, 3, "silent")]
    wait_until(lambda: gate.inside == 3, what="three at once")
    assert run_pool.execute_runs(runs(gate, 1, "silent", "more"), "w", now) == []
    gate.is_open.set()
    for message in single:
        message.join()
    wait_until(lambda: Run.objects.filter(status="queued", claim_no=1, n_attempts=0).exists(), what="its return")
    wait_until(lambda: run_pool._shares.n_free == 4, what="a free place")
    assert not heartbeat.get()._contexts
    refuses.clear()
    (again,) = dispatch_once(now(), 10, 1).messages
    assert len(run_pool.execute_runs([PoolRun(run.run_id, run.claim_no) for run in again.runs], "w", now)) == 1


@pytest.mark.parametrize("part", ["start_waiting", "pop_late"])
def test_waiting_runs_start_after_an_unexpected_error(
    run_pool: RunPool, gate: Gate, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    works, errors = getattr(run_pool._shares, part), [RuntimeError("a defect")]

    def fail_once(at: float) -> object:
        if errors:
            raise errors.pop()
        return works(at)

    monkeypatch.setattr(run_pool._shares, part, fail_once)
    monkeypatch.setattr(side_by_side, "FAILURE_PAUSE", 0.1)
    busy = Message(run_pool, runs(gate, 5, "silent"))
    wait_until(lambda: gate.inside == 3 and not errors, what="the error")
    gate.is_open.set()
    busy.join()
    wait_until(lambda: statuses() == ["succeeded"] * 5, what="the end of all")


def test_a_change_that_cannot_be_reported_stops_no_run(gate: Gate) -> None:
    def fail() -> NoReturn:
        raise RuntimeError("a defect")

    run_pool = RunPool()
    run_pool.start(4, fail)
    gate.is_open.set()
    assert len(run_pool.execute_runs(runs(gate, 5, "silent"), "w", now)) == 3
    wait_until(lambda: statuses() == ["succeeded"] * 5, what="the end of all")
    run_pool.stop()
    assert (run_pool.n_extra, run_pool._shares.n_free) == (0, 4)


def test_places_are_freed_when_connections_cannot_be_closed(
    run_pool: RunPool, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_all = connections.close_all

    def close_and_fail() -> NoReturn:
        close_all()
        raise RuntimeError("a defect")

    monkeypatch.setattr(connections, "close_all", close_and_fail)
    gate.is_open.set()
    assert len(run_pool.execute_runs(runs(gate, 5, "silent"), "w", now)) == 3
    wait_until(lambda: statuses() == ["succeeded"] * 5, what="the end of all")
    run_pool.stop()
    assert not heartbeat.get()._contexts


def test_claimed_runs_that_cannot_be_prepared_are_left_to_the_reaper(
    run_pool: RunPool, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(claim: object) -> NoReturn:
        raise RuntimeError("a defect")

    monkeypatch.setattr(attempt, "prepare", fail)
    assert run_pool.execute_runs(runs(gate, 3), "w", now) == []
    assert statuses() == ["running"] * 3
    assert not heartbeat.get()._contexts, "nobody renews their leases"


def test_a_run_that_fails_in_a_thread_frees_its_place(
    run_pool: RunPool, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> NoReturn:
        raise RuntimeError("a defect")

    monkeypatch.setattr(end_writer, "write", fail)
    gate.is_open.set()
    assert run_pool.execute_runs(runs(gate, 5, "silent"), "w", now) == []
    run_pool.stop()
    assert not heartbeat.get()._contexts
