"""Commands that misbehave or can be followed, for the acceptance tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

from executions.targets.command import CommandContext, command
from tests.waiting import pause


@command("tests.stubborn", description="Blocks every signal that can be blocked, and never ends.")
def stubborn() -> None:
    """Act like code in a foreign library may: only SIGKILL ends it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGTERM})
    while True:
        threading.Event().wait(0.1)


@command("tests.children", description="Terminates a child process that it has started, and one that it has forked.")
def children() -> dict[str, int]:
    """Return the exit codes of both."""
    started = subprocess.Popen([sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"], stdout=-1)
    assert started.stdout
    started.stdout.readline()  # it runs
    started.terminate()
    reader, writer = os.pipe()
    forked = os.fork()
    if not forked:
        os.write(writer, b"x")
        while True:  # not signal.pause(): a signal just before it would not end it
            pause(0.1)
    os.read(reader, 1)  # Python drops a signal that arrives while it forks
    os.kill(forked, signal.SIGTERM)
    return {"started": started.wait(20), "forked": os.waitpid(forked, 0)[1]}


@command("tests.count", description="Counts in its log, one number each second.")
def count(context: CommandContext, to: int) -> None:
    """Log the numbers below `to`. None is left out, however late the machine is."""
    for number in range(to):
        context.log(number)
        pause(1)
