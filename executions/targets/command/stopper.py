"""Stops a command that runs in this process's main thread, at its deadline or when somebody asks for it."""

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

REPEAT_SECONDS = 1.0  # code may swallow what is thrown into it, so it is thrown again and again
_APART_SECONDS = 0.5  # no second throw while the first is being handled
_DEFER_SECONDS = 0.01
_MAX_DEFERRALS = 100


class Stopper:
    """Throws CommandStopped into the main thread. Use as a context manager there, around `run`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = max(seconds, 0.001)
        self._lock = threading.Lock()
        self._active = False
        self._armed = False
        self._shields = 0
        self._n_deferred = 0
        self._thrown_at: float | None = None
        self.reason: StopReason | None = None  # None while, or because, the time ran out
        self.late = False  # whether the command ended after its time, be it that no stop could reach it

    @property
    def thrown(self) -> bool:
        """Whether the command was stopped, even if it swallowed that and went on."""
        return self._thrown_at is not None

    def __enter__(self) -> Self:
        self._entered_at = time.monotonic()
        self._previous = signal.signal(signal.SIGALRM, self._on_alarm)
        # A command before this one may have blocked it. What has been waiting since then is not armed yet.
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
        """Ask, from any thread, to stop. Never raises."""
        with self._lock:
            if not self._active or self.reason is not None:
                return
            self.reason = reason
            signal.setitimer(signal.ITIMER_REAL, REPEAT_SECONDS, REPEAT_SECONDS)
            # Sent to the main thread itself, so that it wakes from whatever it waits for.
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)

    def run(self, call: Callable[[], T]) -> T | None:
        """Call `call`; returns None if it was stopped before its end (see `thrown`)."""
        try:
            self._armed = True
            try:
                if self.reason is not None:  # asked before we were ready to be interrupted
                    self._throw()
                return call()
            finally:
                self._armed = False
                self.late = time.monotonic() - self._entered_at >= self._seconds
        except KeyboardInterrupt:
            self._armed = False
            # Libraries turn one KeyboardInterrupt into another; only a person's own goes on from here.
            if not self.thrown:
                raise
            return None

    @contextlib.contextmanager
    def shielded(self) -> Iterator[None]:
        """Put off a throw for the length of a short block that must not be torn apart."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1

    def _on_alarm(self, number: int, frame: FrameType | None) -> None:
        if not self._armed:
            return
        if self._thrown_at is not None and time.monotonic() - self._thrown_at < _APART_SECONDS:
            return
        # Torn apart there, logging would keep its lock for ever and hang the process's other threads.
        inside_logging = frame is not None and frame.f_code.co_filename == logging.__file__
        if (self._shields or inside_logging) and self._n_deferred < _MAX_DEFERRALS:
            self._n_deferred += 1
            signal.setitimer(signal.ITIMER_REAL, _DEFER_SECONDS, REPEAT_SECONDS)
            return
        self._throw()

    def _throw(self) -> None:
        self._thrown_at = time.monotonic()
        raise CommandStopped
