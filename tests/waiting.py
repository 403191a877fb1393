"""The one place in the tests that sleeps: waits for real processes, up to a deadline."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MIN_INTERVAL, MAX_INTERVAL = 0.02, 0.1  # seconds: many tests wait at once, and most conditions query the database


def wait_until(
    condition: Callable[[], object], seconds: float = 20, *, what: str = "the condition", every: float | None = None
) -> None:
    """Return once `condition()` is true; fail the test when it is still false after `seconds`.

    It is checked every `every` seconds; by default often at first, then ten times a second.
    """
    deadline = time.monotonic() + seconds
    interval = every or MIN_INTERVAL
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        time.sleep(interval)
        interval = every or min(interval * 1.2, MAX_INTERVAL)


def wait_for(at: datetime) -> None:
    """Return at this instant: an outage lasts, or jobs fire, until then."""
    while (left := (at - datetime.now(UTC)).total_seconds()) > 0:
        time.sleep(left)


def wait_for_alarm(timeout: float) -> None:
    """Return once the timer that `Stopper(timeout)` started has rung.

    It then counts down a longer time; or stands at 0, if the signal is ignored.
    """
    wait_until(lambda: not 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= timeout, what="the alarm")


def pause(seconds: float) -> None:
    """Let real time pass where that is the point: between the kills of a chaos test."""
    time.sleep(max(seconds, 0))
