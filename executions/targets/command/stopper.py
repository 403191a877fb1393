"""Stops a command in the main thread when the command's timeout has passed, or when `stop` is called.

The signal SIGALRM interrupts the command, and the signal handler raises CommandStopped inside the command.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import time
from typing import TYPE_CHECKING, Self, TypeVar

from executions.targets.command.exceptions import CommandStopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType, TracebackType

    from executions.targets.base import StopReason

T = TypeVar("T")

REPEAT_SECONDS = 1.0  # a command may catch the exception and continue: the exception is raised again after this time
MIN_REPEAT_SECONDS = 0.5  # no second exception while the command handles the first, in its `finally` blocks
# Inside a block that must not be interrupted, the exception is deferred: the handler tries every 10 ms, for up to 1 s.
DEFER_SECONDS = 0.01
MAX_DEFERRALS = 100


class Stopper:
    """Raises CommandStopped in the main thread, after `seconds` or when `stop` is called.

    Use it in the main thread, as a context manager around `run`.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = max(seconds, 0.001)
        self._lock = threading.Lock()
        self._active = False
        self._armed = False
        self._shields = 0
        self._n_deferred = 0
        self._raised_at: float | None = None
        self.reason: StopReason | None = None  # None: no stop request; the timeout may have passed
        self.late = False  # whether the command ended after its timeout, with or without being stopped

    @property
    def was_stopped(self) -> bool:
        """Whether CommandStopped was raised, even if the command caught it."""
        return self._raised_at is not None

    def __enter__(self) -> Self:
        self._entered_at = time.monotonic()
        self._previous = signal.signal(signal.SIGALRM, self._on_alarm)
        # An earlier command may have blocked the signal. A signal that has been pending since then does nothing,
        # because `_armed` is not set yet.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        self._previous_timer = signal.setitimer(signal.ITIMER_REAL, self._seconds, REPEAT_SECONDS)
        self._active = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._active = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._previous if self._previous is not None else signal.SIG_DFL)
        left, interval = self._previous_timer
        if left:
            spent = time.monotonic() - self._entered_at
            signal.setitimer(signal.ITIMER_REAL, max(left - spent, 0.001), interval)

    def stop(self, reason: StopReason) -> None:
        """Stop the command. Any thread may call this. Never raises."""
        with self._lock:
            if not self._active or self.reason is not None:
                return
            self.reason = reason
            signal.setitimer(signal.ITIMER_REAL, REPEAT_SECONDS, REPEAT_SECONDS)
            # Sent to the main thread itself, because only a signal there interrupts a blocking call.
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)

    def run(self, call: Callable[[], T]) -> T | None:
        """Call `call` and return its result; None if CommandStopped ended the call."""
        try:
            self._armed = True
            try:
                if self.reason is not None:  # `stop` was called before the handler was armed
                    self._raise_stop()
                return call()
            finally:
                self._armed = False
                self.late = time.monotonic() - self._entered_at >= self._seconds
        except KeyboardInterrupt:
            self._armed = False
            # A library may replace CommandStopped by its own KeyboardInterrupt. Without a stop, the cause is Ctrl+C.
            if not self.was_stopped:
                raise
            return None

    @contextlib.contextmanager
    def shielded(self) -> Iterator[None]:
        """Defer CommandStopped until the `with` block has ended, but by at most 1 s."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1

    def _on_alarm(self, number: int, frame: FrameType | None) -> None:
        if not self._armed:
            return
        if self._raised_at is not None and time.monotonic() - self._raised_at < MIN_REPEAT_SECONDS:
            return
        # An exception inside `logging` could leave its lock locked, and every thread that logs would hang.
        inside_logging = frame is not None and frame.f_code.co_filename == logging.__file__
        if (self._shields or inside_logging) and self._n_deferred < MAX_DEFERRALS:
            self._n_deferred += 1
            signal.setitimer(signal.ITIMER_REAL, DEFER_SECONDS, REPEAT_SECONDS)
            return
        self._raise_stop()

    def _raise_stop(self) -> None:
        self._raised_at = time.monotonic()
        raise CommandStopped
