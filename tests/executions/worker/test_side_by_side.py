"""Proves that the run pool executes the runs of several messages at the same time, up to its size."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from django.db import OperationalError, connection, connections

from executions.dispatch import dispatch_once
from executions.lifecycle import transitions
from executions.models import Attempt, Run
from executions.states import RunStatus
from executions.worker.heartbeat import heartbeat, renew_once
from executions.worker.side_by_side import RunPool
from tests.factories import NOW, end, make_job, make_run
from tests.gate import Gate
from tests.receiver import running_receiver
from tests.waiting import wait_until
from values import database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)


def now() -> datetime:
    return datetime.now(UTC)


def runs(gate: Gate, number: int) -> list[tuple[Any, int]]:
    job = make_job("calls", target={"kind": "http", "method": "POST", "url": gate.url})
    return [(make_run(job, NOW + timedelta(milliseconds=each)).pk, 0) for each in range(number)]


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
    assert run_pool.n_extra == 0, "ended runs are not counted"
    assert run_pool._n_free == 4, "all places are free again"


class Message(threading.Thread):
    """Executes the runs of one message in a thread, as Celery's pool does."""

    def __init__(self, run_pool: RunPool, wanted: list[tuple[Any, int]]) -> None:
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
    for run_id, _ in wanted:
        transitions.cancel(run_id, now(), actor="ann")
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
    assert first.n_ended + second.n_ended == 6 and gate.most_inside == 4
    assert statuses() == ["succeeded"] * 6


def test_runs_without_a_place_for_a_second_are_published_again(run_pool: RunPool, gate: Gate) -> None:
    wanted = runs(gate, 6)
    dispatch_once(NOW + timedelta(seconds=1), 10)
    busy = Message(run_pool, wanted[:4])
    wait_until(lambda: gate.inside == 4, what="four at once")
    ticks = iter(NOW + timedelta(seconds=2 * number) for number in range(10))
    assert run_pool.execute_runs(wanted[4:], "w", lambda: next(ticks)) == []
    assert run_pool.n_extra == 3
    again = dispatch_once(NOW + timedelta(seconds=9), 10).messages
    assert sorted(message.args for message in again) == sorted([[[[str(run), 0]]] for run, _ in wanted[4:]])
    gate.is_open.set()
    busy.join()


def test_spent_claims_use_no_place(run_pool: RunPool, gate: Gate) -> None:
    gate.is_open.set()
    spent = end(make_run(make_job("other")))
    wanted = [(spent.pk, 0), *runs(gate, 2)]
    assert len(run_pool.execute_runs(wanted, "w", now)) == 2
    assert run_pool.execute_runs(wanted, "w", now) == []


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
    assert not run_pool._threads._threads
