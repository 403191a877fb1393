"""Proves that threads are reused, that there are never too many, and that a refused thread leaves nothing behind."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

from executions.worker.run_threads import RunThreads
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

IMPOSSIBLE_STACK = 2**60  # bytes: the system has no memory for such a thread


@pytest.fixture
def threads() -> RunThreads:
    return RunThreads(3)


@pytest.fixture
def door() -> Iterator[threading.Event]:
    door = threading.Event()
    yield door
    door.set()


def test_a_free_thread_executes_the_next_call(threads: RunThreads) -> None:
    assert threads.submit(pow, 2, 3).result() == 8
    wait_until(lambda: not threads._n_calls, what="the end of the call")
    first = threads.submit(threading.get_ident).result()
    wait_until(lambda: not threads._n_calls, what="the end of the call")
    assert threads.submit(threading.get_ident).result() == first
    assert threads._n_threads == 1


def test_calls_beyond_the_size_wait_for_a_thread(threads: RunThreads, door: threading.Event) -> None:
    calls = [threads.submit(door.wait) for _ in range(3)]
    late = threads.submit(threading.get_ident)
    assert threads._n_threads == 3
    assert not late.done()
    door.set()
    assert [call.result() for call in calls] == [True] * 3
    assert late.result() != threading.get_ident()


def test_a_call_that_raises_does_not_end_its_thread(threads: RunThreads) -> None:
    with pytest.raises(ZeroDivisionError):
        threads.submit(divmod, 1, 0).result()
    with pytest.raises(SystemExit):
        threads.submit(sys.exit).result()
    wait_until(lambda: not threads._n_calls, what="the end of both calls")
    assert threads.submit(pow, 2, 3).result() == 8
    assert threads._n_threads <= 2


def test_a_call_whose_thread_is_refused_is_never_executed(threads: RunThreads, door: threading.Event) -> None:
    executed: list[str] = []
    busy = threads.submit(door.wait)
    before = threading.stack_size(IMPOSSIBLE_STACK)
    try:
        for _ in range(5):
            with pytest.raises(RuntimeError, match="can't start new thread"):
                threads.submit(executed.append, "refused")
    finally:
        threading.stack_size(before)
    assert threads.submit(pow, 2, 3).result() == 8, "the second thread starts although the first is busy"
    assert threads.submit(pow, 3, 2).result() == 9
    door.set()
    assert busy.result()
    assert executed == []
