"""Commands that misbehave, for the acceptance tests."""

from __future__ import annotations

import signal
import threading

from executions.targets.command import command


@command("tests.stubborn", description="Blocks every signal that can be blocked, and never ends.")
def stubborn() -> None:
    """Act like code in a foreign library may: only SIGKILL ends it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGTERM})
    while True:
        threading.Event().wait(0.1)
