from __future__ import annotations

import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.targets.base import StopReason
from executions.targets.http.deadline import EXPIRED, Budget, CutOff, Watchdog, breaker_of, watchdog


class LoneWatchdog(Watchdog):
    """Keeps the books without a thread."""

    def _loop(self) -> None:
        return


def test_the_watchdog_wakes_a_thread_that_waits_for_a_silent_peer() -> None:
    near, far = socket.socketpair()
    budget = Budget(0.1)
    dog = watchdog.get()
    dog.watch(budget)
    with near, far:
        budget.guard(breaker_of(near))
        began = time.monotonic()
        assert near.recv(1) == b""
        assert time.monotonic() - began < 10
    assert budget.cut_by == EXPIRED
    with pytest.raises(CutOff):
        budget.check()


def test_a_later_watch_with_an_earlier_deadline_is_not_kept_waiting() -> None:
    dog, late, early, cut = Watchdog(), Budget(60), Budget(0.05), threading.Event()
    early.guard(cut.set)
    dog.watch(late)
    dog.watch(early)
    assert cut.wait(5)
    assert late.cut_by is None


def test_a_forgotten_budget_is_left_alone() -> None:
    dog, forgotten, watched, cut = Watchdog(), Budget(0.02), Budget(0.05), threading.Event()
    dog.forget(dog.watch(forgotten))
    watched.guard(cut.set)
    dog.watch(watched)
    assert cut.wait(5)
    assert forgotten.cut_by is None


def test_ended_attempts_with_long_timeouts_do_not_pile_up() -> None:
    dog = Watchdog()
    for _ in range(5000):
        dog.forget(dog.watch(Budget(86_400)))
    assert len(dog._heap) < 200


@given(st.lists(st.tuples(st.integers(100, 9000), st.booleans()), min_size=70, max_size=200))
def test_clearing_away_keeps_the_order_of_the_deadlines(watched: list[tuple[int, bool]]) -> None:
    dog = LoneWatchdog()
    numbers = [dog.watch(Budget(seconds)) for seconds, _ in watched]
    for number, (_, ends) in zip(numbers, watched, strict=True):
        if ends:
            dog.forget(number)
    heap = dog._heap
    assert all(heap[(child - 1) // 2] <= heap[child] for child in range(1, len(heap)))


def test_what_is_guarded_after_the_cut_is_broken_off_at_once() -> None:
    budget = Budget(60)
    budget.cut(StopReason.CANCELLED)
    with pytest.raises(CutOff):
        budget.guard(None)


def test_the_first_reason_stays() -> None:
    budget = Budget(60)
    budget.cut(StopReason.CANCELLED)
    budget.cut(EXPIRED)
    assert budget.cut_by is StopReason.CANCELLED


def test_a_cut_after_the_end_comes_too_late() -> None:
    budget, cut = Budget(60), threading.Event()
    budget.guard(cut.set)
    budget.close()
    budget.cut(StopReason.CANCELLED)
    assert budget.cut_by is None
    assert not cut.is_set()


def test_the_deadline_holds_even_without_the_watchdog() -> None:
    with pytest.raises(CutOff):
        Budget(0).check()


def test_a_closed_socket_can_be_broken_off_again() -> None:
    sock = socket.socket()
    sock.close()
    breaker_of(sock)()
