"""The time budget of an attempt, and the watchdog thread that breaks the attempt's connection at the deadline."""

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
    """The attempt must end: its deadline has passed, or the target should stop."""


class Budget:
    """The time budget of one attempt.

    `guard` sets a function that interrupts the current wait. `cut` calls this function. Any thread may call `cut`.
    """

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._break: Callable[[], None] | None = None
        self._closed = False
        self.cut_by: StopReason | Literal["expired"] | None = None

    @property
    def deadline(self) -> float:
        """The end of the attempt's time, as a value of `time.monotonic`."""
        return self._deadline

    def remaining(self) -> float:
        """Return the seconds left, at least 0.001: a timeout of 0 would make a socket non-blocking."""
        return max(self._deadline - time.monotonic(), 0.001)

    def guard(self, breaker: Callable[[], None] | None) -> None:
        """Set the function that `cut` calls; None: no function. Raises CutOff if the attempt must already end."""
        with self._lock:
            self._break = breaker
        self.check()

    def cut(self, reason: StopReason | Literal["expired"]) -> None:
        """End the attempt. Any thread may call this. Later calls, and calls after `close`, have no effect."""
        with self._lock:
            if self._closed or self.cut_by is not None:
                return
            self.cut_by = reason
            if self._break is not None:
                self._break()

    def check(self) -> None:
        """Raise CutOff if `cut` has ended the attempt, or if the deadline has passed: the watchdog may be late."""
        if self.cut_by is None and time.monotonic() >= self._deadline:
            self.cut(EXPIRED)
        if self.cut_by is not None:
            raise CutOff

    def pause(self, seconds: float) -> None:
        """Wait for some seconds. Raises CutOff if the attempt must end: what has arrived may still be readable then."""
        time.sleep(seconds)
        self.check()

    def release(self) -> None:
        """Remove the function that `guard` set. Call this before the connection is closed."""
        with self._lock:
            self._break = None

    def close(self) -> None:
        """Mark the attempt as complete: `cut` has no effect from now on."""
        with self._lock:
            self._closed = True
            self._break = None


def breaker_of(sock: socket.socket) -> Callable[[], None]:
    """Return a function that shuts down `sock`. The shutdown wakes every thread that waits for the socket."""

    def shut() -> None:
        try:
            # Not SSLSocket.shutdown: it removes the TLS layer first, and another thread could then send plain text.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
        except OSError:
            return  # closed already

    return shut


class Watchdog:
    """One thread that calls `cut` on each budget of this process at the budget's deadline.

    A heap orders the budgets by deadline.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []
        self._order = itertools.count()
        self._live: dict[int, Budget] = {}
        self._changed = threading.Condition()
        threading.Thread(target=self._loop, name="mainspring-http-watchdog", daemon=True).start()

    def watch(self, budget: Budget) -> int:
        """Call `budget.cut` at the deadline of `budget`. Returns the number to pass to `forget`."""
        number = next(self._order)
        with self._changed:
            self._live[number] = budget
            heapq.heappush(self._heap, (budget.deadline, number))
            if self._heap[0][1] == number:
                self._changed.notify()
        return number

    def forget(self, number: int) -> None:
        """Stop watching a budget whose attempt has ended."""
        with self._changed:
            self._live.pop(number, None)
            # Entries of ended attempts would stay until their deadlines, up to a day. Small heaps need no rebuilding.
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
