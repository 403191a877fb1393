"""Proves what a target is given of its run, and that a stop request reaches its callbacks once."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import UUID

import pytest

from executions.lifecycle.types import Claim
from executions.targets.base import StopReason
from executions.worker.context import RunContext
from tests.factories import NOW

RUN_ID = UUID("01935b7e-0000-7000-8000-000000000001")


def context() -> RunContext:
    claim = Claim(RUN_ID, 3, 2, 1, NOW, "nightly report", "command", {}, None, "{}")
    return RunContext(claim, timedelta(seconds=20))


def test_a_context_has_the_facts_of_its_claim() -> None:
    made = context()

    assert (made.run_id, made.attempt, made.nominal_at, made.job_name) == (RUN_ID, 2, NOW, "nightly report")
    assert (made.timeout, made.claim_key) == (timedelta(seconds=20), (RUN_ID, 3))


def test_the_idempotency_key_is_the_same_on_every_attempt() -> None:
    first = Claim(RUN_ID, 1, 1, 0, NOW, "nightly report", "command", {}, None, "{}")

    assert context().idempotency_key == RunContext(first, timedelta(0)).idempotency_key == str(RUN_ID)


def test_a_line_goes_to_the_log_of_the_attempt() -> None:
    made = context()

    made.log("one")
    made.log("two", "error")

    lines = made.run_log.take()
    assert [(line.message, line.level) for line in lines] == [("one", "info"), ("two", "error")]
    assert {(line.run_id, line.attempt) for line in lines} == {(RUN_ID, 2)}


def test_a_stop_request_calls_every_callback_with_its_reason() -> None:
    made, calls = context(), []
    made.on_stop(lambda reason: calls.append(("first", reason)))
    made.on_stop(lambda reason: calls.append(("second", reason)))
    assert made.should_stop() is None

    made.stop(StopReason.CANCELLED)

    assert calls == [("first", StopReason.CANCELLED), ("second", StopReason.CANCELLED)]
    assert made.should_stop() is StopReason.CANCELLED


def test_only_the_first_stop_request_counts() -> None:
    made, calls = context(), list[StopReason]()
    made.on_stop(calls.append)

    made.stop(StopReason.LOST)
    made.stop(StopReason.CANCELLED)

    assert calls == [StopReason.LOST]
    assert made.should_stop() is StopReason.LOST


def test_a_callback_that_comes_after_the_request_is_called_at_once() -> None:
    made, calls = context(), list[StopReason]()
    made.stop(StopReason.CANCELLED)

    made.on_stop(calls.append)

    assert calls == [StopReason.CANCELLED]


def test_an_unregistered_callback_is_not_called() -> None:
    made, calls, others = context(), list[StopReason](), list[StopReason]()
    forget = made.on_stop(calls.append)
    made.on_stop(others.append)

    forget()
    forget()  # twice does no harm
    made.stop(StopReason.CANCELLED)

    assert (calls, others) == ([], [StopReason.CANCELLED])


def test_a_callback_may_unregister_itself_and_others_while_it_is_called() -> None:
    made, calls = context(), []

    def stop(reason: StopReason) -> None:
        calls.append(reason)
        forget()

    forget = made.on_stop(stop)
    made.on_stop(calls.append)
    made.stop(StopReason.CANCELLED)

    assert calls == [StopReason.CANCELLED] * 2


@pytest.mark.parametrize("n_threads", [2, 8])
def test_of_several_threads_that_request_a_stop_one_calls_the_callbacks(n_threads: int) -> None:
    made, calls = context(), list[StopReason]()
    made.on_stop(calls.append)
    start = threading.Barrier(n_threads)

    def stop() -> None:
        start.wait(10)
        made.stop(StopReason.CANCELLED)

    threads = [threading.Thread(target=stop) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert calls == [StopReason.CANCELLED]
