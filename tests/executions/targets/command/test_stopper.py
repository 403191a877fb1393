"""Proves that whatever a command does, it is stopped at its timeout or when its run is cancelled."""

from __future__ import annotations

import signal
import threading
from typing import NoReturn

import pytest

from executions.targets.base import StopReason
from executions.targets.command import stopper as module
from executions.targets.command.exceptions import CommandStopped
from executions.targets.command.stopper import Stopper
from tests.waiting import wait_for_alarm, wait_until


def wait_long() -> None:
    threading.Event().wait(30)


def test_a_call_that_ends_in_time_returns_its_value() -> None:
    with Stopper(5) as stopper:
        assert stopper.run(lambda: "done") == "done"
    assert not stopper.was_stopped
    assert not stopper.late


def test_a_call_that_waits_is_stopped_at_the_timeout() -> None:
    with Stopper(0.1) as stopper:
        assert stopper.run(wait_long) is None
    assert stopper.was_stopped
    assert stopper.reason is None


def test_a_busy_loop_is_stopped_at_the_timeout() -> None:
    def spin() -> NoReturn:
        while True:
            pass

    with Stopper(0.1) as stopper:
        stopper.run(spin)
    assert stopper.was_stopped


def test_a_call_that_ends_after_its_timeout_is_late_even_if_it_was_not_stopped() -> None:
    def subject() -> str:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        wait_for_alarm(0.1)
        return "late"

    with Stopper(0.1) as stopper:
        assert stopper.run(subject) == "late"
    assert (stopper.late, stopper.was_stopped) == (True, False)


def test_a_call_that_blocks_the_signal_does_not_block_it_for_later_calls() -> None:
    with Stopper(5) as stopper:
        stopper.run(lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM}))
    with Stopper(5) as stopper:
        blocked = stopper.run(lambda: signal.pthread_sigmask(signal.SIG_BLOCK, []))
    assert blocked is not None and signal.SIGALRM not in blocked


def test_code_that_catches_the_exception_gets_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPEAT_SECONDS", 0.1)
    monkeypatch.setattr(module, "MIN_REPEAT_SECONDS", 0.05)
    caught_stops: list[BaseException] = []

    def stubborn() -> None:
        while len(caught_stops) < 2:
            try:
                wait_long()
            except BaseException as error:  # noqa: BLE001 - code that does this is why the exception is repeated
                caught_stops.append(error)
        wait_long()

    with Stopper(0.1) as stopper:
        assert stopper.run(stubborn) is None
    assert [type(error) for error in caught_stops] == [CommandStopped, CommandStopped]


def test_except_exception_does_not_catch_the_stop() -> None:
    caught = []

    def careful() -> None:
        try:
            wait_long()
        except Exception as error:  # noqa: BLE001 - what users write
            caught.append(error)

    with Stopper(0.1) as stopper:
        stopper.run(careful)
    assert stopper.was_stopped
    assert caught == []


def test_another_thread_stops_the_call_at_once() -> None:
    running = threading.Event()
    with Stopper(30) as stopper:

        def ask() -> None:
            running.wait(5)
            stopper.stop(StopReason.CANCELLED)

        thread = threading.Thread(target=ask)
        thread.start()

        def call() -> None:
            running.set()
            wait_long()

        assert stopper.run(call) is None
        thread.join()
    assert stopper.reason is StopReason.CANCELLED
    assert stopper.was_stopped


def test_a_stop_before_the_call_keeps_it_from_starting() -> None:
    called = []
    with Stopper(30) as stopper:
        stopper.stop(StopReason.CANCELLED)
        assert stopper.run(lambda: called.append(1)) is None
    assert called == []
    assert stopper.was_stopped


def test_a_stop_after_the_end_does_nothing() -> None:
    with Stopper(30) as stopper:
        stopper.run(lambda: None)
    stopper.stop(StopReason.CANCELLED)
    assert stopper.reason is None


def test_a_shielded_block_is_not_interrupted() -> None:
    ended: list[bool] = []

    def call() -> None:
        with stopper.shielded():
            wait_until(lambda: stopper._n_deferred > 0, what="the stop")
            ended.append(True)
        wait_long()

    with Stopper(0.05) as stopper:
        stopper.run(call)
    assert ended == [True]
    assert stopper.was_stopped


def test_a_shielded_block_that_does_not_end_is_interrupted_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DEFERRALS", 3)

    def call() -> None:
        with stopper.shielded():
            wait_long()

    with Stopper(0.05) as stopper:
        assert stopper.run(call) is None


def test_the_previous_handler_and_timer_are_restored() -> None:
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(True))
    earlier = signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with Stopper(5) as stopper:
            stopper.run(lambda: None)
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 0.3
        wait_until(lambda: rung, what="the earlier alarm")
        assert rung == [True]
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *earlier)


def test_ctrl_c_is_raised_to_the_caller() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with Stopper(5) as stopper, pytest.raises(KeyboardInterrupt):
        stopper.run(interrupted)
