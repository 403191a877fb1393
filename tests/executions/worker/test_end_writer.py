"""Proves that endings written together share a statement, and that no ending affects another."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DataError, OperationalError, connection, transaction
from structlog.testing import capture_logs

from executions.lifecycle.types import Ending
from executions.models import Attempt, LogLine, Run
from executions.states import AttemptStatus, RunStatus
from executions.worker import attempt, end_writer
from tests.factories import NOW, claim, make_job, make_run
from tests.waiting import wait_until
from values import database

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)


def ended(number: int) -> end_writer.Ended:
    """Return an executed run with a line in its log; its ending is not written yet."""
    claimed = claim(make_run(make_job(f"job {number}"), NOW + timedelta(milliseconds=number)))
    prepared = attempt.prepare(claimed)
    prepared.context.log(f"line {number}")
    return prepared, Ending(claimed.run_id, claimed.claim_no, RunStatus.SUCCEEDED, AttemptStatus.SUCCEEDED)


def statuses() -> set[str]:
    return set(Run.objects.values_list("status", flat=True))


class Threads:
    """Threads that write one ending each. `finished` lists which thread executed each FINISH statement."""

    def __init__(self, failures: list[BaseException] | None = None) -> None:
        self.finished: list[int] = []
        self.errors: list[BaseException] = []
        self._failures = failures or []
        self._running: list[threading.Thread] = []
        self.writer = end_writer.writer.get()

    def write(self, number: int, one: end_writer.Ended) -> None:
        thread = threading.Thread(target=self._write, args=(number, one))
        thread.start()
        self._running.append(thread)

    def join(self) -> None:
        for thread in self._running:
            thread.join(30)
            assert not thread.is_alive(), "the thread still waits"

    def n_queued(self) -> int:
        return len(self.writer._queue)

    def _write(self, number: int, one: end_writer.Ended) -> None:
        def note(execute: Any, statement: str, *args: Any) -> Any:
            if "executions_attempt" in statement:
                self.finished.append(number)
                if self._failures:
                    raise self._failures.pop()
            return execute(statement, *args)

        try:
            with connection.execute_wrapper(note):
                end_writer.write([one], lambda: NOW)
        except BaseException as error:  # noqa: BLE001  (the test checks it)
            self.errors.append(error)
        finally:
            connection.close()


@contextmanager
def blocked_write(threads: Threads, ends: list[end_writer.Ended]) -> Iterator[None]:
    """Lock the first ending's row until the block has run, so that the other endings queue up behind it."""
    with transaction.atomic():
        Run.objects.select_for_update().get(pk=ends[0][0].claim.run_id)
        threads.write(0, ends[0])
        wait_until(lambda: threads.finished, what="the first statement")
        for number, one in enumerate(ends[1:], 1):
            threads.write(number, one)
            wait_until(lambda number=number: threads.n_queued() == number, what="another to queue")  # type: ignore[misc]
        yield
    threads.join()


def test_endings_that_arrive_during_a_write_share_one_statement() -> None:
    ends, threads = [ended(number) for number in range(12)], Threads()
    with blocked_write(threads, ends):
        assert statuses() == {"running"}
    assert threads.finished == [0, 1]
    assert statuses() == {"succeeded"}
    assert Attempt.objects.count() == LogLine.objects.count() == 12
    assert not threads.n_queued()


def test_an_ending_that_the_database_rejects_does_not_affect_others() -> None:
    ends, threads = [ended(number) for number in range(4)], Threads()
    prepared, ending = ends[2]
    ends[2] = prepared, replace(ending, claim_no=2**40)
    with blocked_write(threads, ends):
        pass
    assert [type(error) for error in threads.errors] == [DataError]
    assert set(Run.objects.exclude(status="succeeded").values_list("pk", flat=True)) == {prepared.claim.run_id}
    assert LogLine.objects.exclude(run_id=prepared.claim.run_id).count() == 3, "each once"


def test_endings_are_written_once_the_database_is_available_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "DATABASE_RETRY_SECONDS", 0)
    ends = [ended(number) for number in range(5)]
    threads = Threads([OperationalError("the database is unavailable") for _ in range(4)])
    for number, one in enumerate(ends):
        threads.write(number, one)
    threads.join()
    assert (threads.errors, statuses()) == ([], {"succeeded"})
    assert LogLine.objects.count() == 5, "none lost, none twice"


def test_a_deadlock_is_retried_and_not_logged_as_an_unavailable_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "DATABASE_RETRY_SECONDS", 0)
    threads = Threads([OperationalError("deadlock detected")])
    with capture_logs() as logs:
        threads.write(0, ended(0))
        threads.join()
    assert (threads.errors, statuses()) == ([], {"succeeded"})
    assert [(line["event"], line["action"]) for line in logs if line["log_level"] == "warning"] == [
        ("statement_failed", "finish")
    ]


def test_a_broken_connection_is_logged_as_an_unavailable_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "DATABASE_RETRY_SECONDS", 0)
    one, failures = ended(0), [OperationalError("the server closed the connection")]

    def break_off(execute: Any, statement: str, *args: Any) -> Any:
        if failures and "executions_attempt" in statement:
            connection.connection.close()
            raise failures.pop()
        return execute(statement, *args)

    with capture_logs() as logs, connection.execute_wrapper(break_off):
        end_writer.write([one], lambda: NOW)
    assert (failures, statuses()) == ([], {"succeeded"})
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["database_away"]


def test_a_log_that_could_not_be_stored_is_stored_after_the_ending() -> None:
    one, failures = ended(0), [OperationalError("the database is unavailable")]

    def refuse(execute: Any, statement: str, *args: Any) -> Any:
        if failures and "executions_logline" in statement:
            raise failures.pop()
        return execute(statement, *args)

    with connection.execute_wrapper(refuse):
        end_writer.write([one], lambda: NOW)
    assert (failures, statuses(), LogLine.objects.count()) == ([], {"succeeded"}, 1)


def test_an_ending_is_dropped_when_its_lease_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "DATABASE_RETRY_SECONDS", 0)
    ticks = iter(NOW + timedelta(seconds=10 * number) for number in range(100))
    tries: list[object] = []

    def refuse(*args: object) -> None:
        tries.append(args)
        raise OperationalError("the database is unavailable")

    one = ended(0)
    with connection.execute_wrapper(refuse):
        end_writer.write([one], lambda: next(ticks))
    assert tries and statuses() == {"running"}


def test_a_thread_that_exits_while_writing_wakes_the_waiting_threads() -> None:
    ends = [ended(number) for number in range(3)]
    threads = Threads()
    with blocked_write(threads, ends):
        threads._failures += [SystemExit()]  # of the second statement
    assert [type(error) for error in threads.errors] == [SystemExit] * 2
    late = ended(3)
    threads.write(3, late)
    threads.join()
    assert Run.objects.get(pk=late[0].claim.run_id).status == RunStatus.SUCCEEDED
