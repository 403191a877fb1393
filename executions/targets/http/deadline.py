"""The time an attempt has, and the watchdog that cuts the connection when it is over or a stop is asked for."""

from __future__ import annotations

import heapq
import itertools
import socket
import threading
import time
from typing import TYPE_CHECKING, Literal

from executions.per_process import PerProcess

if TYPE_CHECKING:
    from collections.abc import Callable

    from executions.targets.base import StopReason

EXPIRED: Literal["expired"] = "expired"


class CutOff(Exception):
    """The budget was cut: the deadline passed, or somebody asked the target to stop."""


class Budget:
    """One attempt's time. Whatever it waits for is named to `guard`, so that `cut` can break it off at once."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._break: Callable[[], None] | None = None
        self._closed = False
        self.cut_by: StopReason | Literal["expired"] | None = None

    @property
    def deadline(self) -> float:
        """On the monotonic clock."""
        return self._deadline

    def remaining(self) -> float:
        """Seconds left, at least a millisecond: a socket's timeout of 0 would mean not to wait at all."""
        return max(self._deadline - time.monotonic(), 0.001)

    def guard(self, breaker: Callable[[], None] | None) -> None:
        """Name what to break off. If the cut came first, break it now and raise CutOff."""
        with self._lock:
            self._break = breaker
        self.check()

    def cut(self, reason: StopReason | Literal["expired"]) -> None:
        """Break off, from any thread. The first reason stays; after `close` nothing happens."""
        with self._lock:
            if self._closed or self.cut_by is not None:
                return
            self.cut_by = reason
            if self._break is not None:
                self._break()

    def check(self) -> None:
        """Raise CutOff if the time is over, even should the watchdog be late."""
        if self.cut_by is None and time.monotonic() >= self._deadline:
            self.cut(EXPIRED)
        if self.cut_by is not None:
            raise CutOff

    def release(self) -> None:
        """Nothing is waited for: let go of what `guard` named before it is closed or lent to another attempt."""
        with self._lock:
            self._break = None

    def close(self) -> None:
        """The answer is complete: a cut from now on comes too late."""
        with self._lock:
            self._closed = True
            self._break = None


def breaker_of(sock: socket.socket) -> Callable[[], None]:
    """Return what wakes every thread that waits for `sock`."""

    def shut() -> None:
        try:
            # Not SSLSocket.shutdown: it first drops the TLS layer, so that another thread could send in the clear.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
        except OSError:
            return  # closed already

    return shut


class Watchdog:
    """One thread that cuts budgets at their deadlines. It costs a heap entry an attempt."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []
        self._order = itertools.count()
        self._live: dict[int, Budget] = {}
        self._changed = threading.Condition()
        threading.Thread(target=self._loop, name="mainspring-http-watchdog", daemon=True).start()

    def watch(self, budget: Budget) -> int:
        """Cut `budget` at its deadline; returns the number to `forget` it by."""
        number = next(self._order)
        with self._changed:
            self._live[number] = budget
            heapq.heappush(self._heap, (budget.deadline, number))
            if self._heap[0][1] == number:
                self._changed.notify()
        return number

    def forget(self, number: int) -> None:
        with self._changed:
            self._live.pop(number, None)
            # Long timeouts would otherwise pile up in the heap long after their attempts ended.
            if len(self._heap) > 64 and len(self._heap) > 2 * len(self._live):
                self._heap = [entry for entry in self._heap if entry[1] in self._live]
                heapq.heapify(self._heap)

    def _loop(self) -> None:
        while True:
            with self._changed:
                due = self._take_due()
                if not due:
                    self._changed.wait(self._heap[0][0] - time.monotonic() if self._heap else None)
            for budget in due:
                budget.cut(EXPIRED)

    def _take_due(self) -> list[Budget]:
        due, now = [], time.monotonic()
        while self._heap and self._heap[0][0] <= now:
            number = heapq.heappop(self._heap)[1]
            if budget := self._live.pop(number, None):
                due.append(budget)
        return due


watchdog = PerProcess(Watchdog)
