"""Proves that the lines of logs are stored once and in their order, and are kept if they cannot be stored."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import DataError, OperationalError, connection
from django.test.utils import CaptureQueriesContext

from executions.models import LogLine
from executions.worker.logs import LOG_LINES_PER_INSERT, RunLog, store
from tests.factories import make_job, make_run
from tests.steps import steps_of

pytestmark = pytest.mark.django_db

UNKNOWN_ID = UUID("01935b7e-0000-7000-8000-000000000001")


def messages_in(log: RunLog) -> list[str]:
    return [line.message for line in log.take()]


def test_lines_of_several_logs_are_stored_in_their_order_by_one_statement() -> None:
    runs = [make_run(make_job(name)) for name in ("one", "two")]
    logs = [RunLog(run.pk, 1, 10_000) for run in runs]
    for number in range(3):
        for log in logs:
            log.add(f"line {number}")

    with CaptureQueriesContext(connection) as captured:
        assert store(logs) == 6

    assert len([query for query in captured.captured_queries if "INSERT" in query["sql"]]) == 1
    for run in runs:
        assert [line.message for line in run.log_lines.all()] == ["line 0", "line 1", "line 2"]


def test_logs_without_new_lines_need_no_statement() -> None:
    with CaptureQueriesContext(connection) as captured:
        assert store([RunLog(UNKNOWN_ID, 1, 10_000)] * 2) == 0

    assert len(captured) == 0


def test_lines_are_stored_once() -> None:
    log = RunLog(make_run().pk, 1, 10_000)
    log.add("one")

    assert (store([log]), store([log])) == (1, 0)
    assert LogLine.objects.count() == 1


def test_more_lines_than_fit_into_one_statement_are_all_stored() -> None:
    log = RunLog(make_run().pk, 1, 10_000_000)
    for number in range(LOG_LINES_PER_INSERT + 1):
        log.add(str(number))

    assert store([log]) == LogLine.objects.count() == LOG_LINES_PER_INSERT + 1
    last = LogLine.objects.last()
    assert last is not None and last.message == str(LOG_LINES_PER_INSERT)


def test_what_a_line_contains_does_not_change_the_work() -> None:
    n_steps: list[int] = []
    for character in 'xx"\\é':
        log = RunLog(make_run(make_job(character + str(len(n_steps)))).pk, 1, 10_000_000)
        log.add(character * 8000)
        n_steps.append(steps_of(partial(store, [log])))

    assert max(n_steps[1:]) < 1.5 * min(n_steps[1:])
    assert LogLine.objects.filter(message="\\" * 8000).exists()


def test_lines_that_cannot_be_stored_stay_in_their_own_logs() -> None:
    good, bad = RunLog(make_run().pk, 1, 10_000), RunLog(UNKNOWN_ID, 2**40, 10_000)
    good.add("good")
    bad.add("bad")

    with pytest.raises(DataError):
        store([good, bad])

    assert (messages_in(good), messages_in(bad)) == (["good"], ["bad"])


@pytest.mark.django_db(transaction=True)
def test_lines_whose_insert_fails_are_stored_with_the_ending_that_comes_meanwhile() -> None:
    log = RunLog(make_run().pk, 1, 10_000)
    inserting, ended = threading.Event(), threading.Event()

    def fail(_execute: Any, _statement: str, *_: Any) -> None:
        inserting.set()
        ended.wait(0.3)  # the other thread can now store the last line, unless it waits for this insert
        raise OperationalError("terminating connection due to administrator command")

    def beat() -> None:
        try:
            with connection.execute_wrapper(fail), pytest.raises(OperationalError):
                store([log])
        finally:
            connection.close()

    other = RunLog(make_run(make_job("other")).pk, 1, 10_000)
    log.add("before")
    other.add("of another run")
    heartbeat = threading.Thread(target=beat)
    heartbeat.start()
    assert inserting.wait(10)
    log.add("last")
    assert store([other]) == 1, "an ending waits only for the lines of its own run"
    store([log])
    ended.set()
    heartbeat.join(10)

    lines = LogLine.objects.filter(run_id=log.run_id).order_by("pk")
    assert list(lines.values_list("message", flat=True)) == ["before", "last"]
