"""Proves that an attempt ends at its deadline or when stopped, whatever it waits for."""

from __future__ import annotations

import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.targets.base import StopReason
from executions.targets.http.deadline import EXPIRED, Budget, CutOff, Watchdog, breaker_of, watchdog


class PassiveWatchdog(Watchdog):
    """A watchdog whose thread does nothing."""

    def _loop(self) -> None:
        return


def test_the_watchdog_wakes_a_thread_that_waits_for_a_silent_server() -> None:
    near, far = socket.socketpair()
    budget = Budget(0.1)
    watchdog.get().watch(budget)
    with near, far:
        budget.guard(breaker_of(near))
        assert near.recv(1) == b""
    assert budget.cut_by == EXPIRED
    with pytest.raises(CutOff):
        budget.check()


def test_an_earlier_deadline_that_is_added_later_is_kept() -> None:
    deadlines, late, early, cut = Watchdog(), Budget(60), Budget(0.05), threading.Event()
    early.guard(cut.set)
    deadlines.watch(late)
    deadlines.watch(early)
    assert cut.wait(5)
    assert late.cut_by is None


def test_a_forgotten_budget_is_not_cut() -> None:
    deadlines, forgotten, watched, cut = Watchdog(), Budget(0.02), Budget(0.05), threading.Event()
    deadlines.forget(deadlines.watch(forgotten))
    watched.guard(cut.set)
    deadlines.watch(watched)
    assert cut.wait(5)
    assert forgotten.cut_by is None


def test_ended_attempts_with_long_timeouts_do_not_fill_the_heap() -> None:
    deadlines = Watchdog()
    for _ in range(5000):
        deadlines.forget(deadlines.watch(Budget(86_400)))
    assert len(deadlines._heap) < 200


@pytest.mark.long
@given(st.lists(st.tuples(st.integers(100, 9000), st.booleans()), min_size=70, max_size=200))
def test_removing_ended_attempts_keeps_the_order_of_the_deadlines(watched: list[tuple[int, bool]]) -> None:
    deadlines = PassiveWatchdog()
    numbers = [deadlines.watch(Budget(seconds)) for seconds, _ in watched]
    for number, (_, ends) in zip(numbers, watched, strict=True):
        if ends:
            deadlines.forget(number)
    heap = deadlines._heap
    assert all(heap[(child - 1) // 2] <= heap[child] for child in range(1, len(heap)))


def test_guard_raises_at_once_after_a_cut() -> None:
    budget = Budget(60)
    budget.cut(StopReason.CANCELLED)
    with pytest.raises(CutOff):
        budget.guard(None)


def test_only_the_first_reason_of_a_cut_counts() -> None:
    budget = Budget(60)
    budget.cut(StopReason.CANCELLED)
    budget.cut(EXPIRED)
    assert budget.cut_by is StopReason.CANCELLED


def test_a_cut_after_the_attempt_is_complete_has_no_effect() -> None:
    budget, cut = Budget(60), threading.Event()
    budget.guard(cut.set)
    budget.close()
    budget.cut(StopReason.CANCELLED)
    assert budget.cut_by is None
    assert not cut.is_set()


def test_check_raises_at_the_deadline_without_the_watchdog() -> None:
    with pytest.raises(CutOff):
        Budget(0).check()


def test_breaking_a_closed_socket_does_nothing() -> None:
    sock = socket.socket()
    sock.close()
    breaker_of(sock)()
