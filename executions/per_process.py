"""Objects with one instance per process, created on first use. A forked child creates its own instance."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class PerProcess(Generic[T]):
    """`get()` returns this process's instance of an object.

    A forked child creates its own instance, because the threads of the parent's instance do not exist in the child.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        # A new lock too: another thread may have held the old one when the process forked.
        self._lock = threading.Lock()
        self._instance: T | None = None

    def get(self) -> T:
        with self._lock:
            if self._instance is None:
                self._instance = self._make()
            return self._instance
