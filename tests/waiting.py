"""The one place in the tests that sleeps: waiting for real processes, up to a deadline."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def wait_until(condition: Callable[[], object], seconds: float = 20, *, what: str = "the condition") -> None:
    """Return once `condition()` is true; fail the test when it still isn't after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        time.sleep(0.02)


def wait_for(at: datetime) -> None:
    """Return once this instant has come: an outage lasts, or jobs fire, until then."""
    wait_until(lambda: datetime.now(UTC) >= at, 60, what=f"the instant {at}")


def pause(seconds: float) -> None:
    """Let real time pass where that is the point: between the blows of the chaos."""
    time.sleep(max(seconds, 0))
