"""When to restart a process that ended unexpectedly, and when to give up."""

from __future__ import annotations

import signal
from dataclasses import dataclass

FAILED_START_SECONDS = 5.0  # a process that ends sooner counts as a failed start
STABLE_SECONDS = 60.0  # after a longer uptime, earlier failures do not count: they had another cause
MAX_FAILED_STARTS = 5  # in a row; with the delays below they take about 15 s, so that a user sees the error soon
MAX_RESTART_DELAY = 30.0  # seconds


@dataclass(slots=True)
class FailureCount:
    """Consecutive failures of one program or server."""

    n: int = 0
    n_failed_starts: int = 0

    def add(self, uptime: float) -> None:
        """Count a process that ended after `uptime` seconds."""
        self.n = 1 if uptime > STABLE_SECONDS else self.n + 1
        self.n_failed_starts = self.n_failed_starts + 1 if uptime < FAILED_START_SECONDS else 0

    @property
    def too_many(self) -> bool:
        """Whether `MAX_FAILED_STARTS` starts in a row have failed: another start would be useless."""
        return self.n_failed_starts >= MAX_FAILED_STARTS


def restart_delay(n_failures: int) -> float:
    """Return how many seconds to wait after `n_failures` consecutive failures: 1, 2, 4 and so on up to 30."""
    return min(MAX_RESTART_DELAY, 2.0 ** (n_failures - 1))


def describe_exit(code: int) -> str:
    """Return an exit code in words. Code -9 means that signal 9 ended the process."""
    if code >= 0:
        return f"ended with exit code {code}"
    named = {int(number): number.name for number in signal.Signals}  # real-time signals have no name
    return f"was ended by {named.get(-code, f'signal {-code}')}"
