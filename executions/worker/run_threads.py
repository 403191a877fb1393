"""The threads of a run pool. They start when they are first needed, and are kept for later calls.

`ThreadPoolExecutor` is no substitute: when the system refuses a new thread, its `submit` raises, but the call stays in
its queue and may be executed later, and from then on it may queue calls instead of starting threads.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class RunThreads:
    """At most `size` daemon threads. With more calls, a call waits until a thread has finished its previous call."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._n_threads = self._n_calls = 0
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._lock = threading.Lock()

    def submit(self, function: Callable[..., T], *args: object) -> Future[T]:
        """Call `function` in a thread.

        Raises RuntimeError or MemoryError if the system refuses a new thread. The function is not called then.
        """
        future: Future[T] = Future()

        def call() -> None:
            try:
                future.set_result(function(*args))
            except BaseException as error:  # noqa: BLE001  (the caller gets it from the future)
                future.set_exception(error)

        with self._lock:
            if self._n_calls >= self._n_threads < self._size:
                name = f"mainspring-run-{self._n_threads}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
                self._n_threads += 1
            self._n_calls += 1
            self._calls.put(call)
        return future

    def _work(self) -> None:
        for call in iter(self._calls.get, None):  # endless: nothing puts None
            call()
            del call  # while the thread waits, it keeps no run in memory
            with self._lock:
                self._n_calls -= 1
