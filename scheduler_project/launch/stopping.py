"""Stops one stage of programs, and logs which programs are still running."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scheduler_project.launch.child import Child

EXPLAIN_AFTER = 2.0  # seconds: most programs have stopped within this time, and a person starts to wonder


def stop_stage(
    stage: Sequence[Child],
    *,
    log: Callable[[str], None],
    kill_now: Callable[[], bool],
    wait: Callable[[], None],
) -> None:
    """Send SIGTERM to the programs and wait until they have ended. Then kill the processes that they started.

    A program is killed when its grace period has ended. All programs are killed as soon as `kill_now` returns True.
    `wait` is called after each check of the programs, and must block for a short time.
    """
    for child in stage:
        child.ask_to_stop()
    asked_at, is_explained = time.monotonic(), False
    while alive := [child for child in stage if child.alive]:
        waited = time.monotonic() - asked_at
        if not is_explained and waited > EXPLAIN_AFTER:
            is_explained = True
            log(_why_waiting(alive))
        for child in alive:
            if kill_now():
                child.kill()
            elif waited > child.program.grace:
                log(f"{child.name} did not stop within {child.program.grace:.0f} s and was killed.")
                child.kill()
        wait()
    for child in stage:
        child.kill()  # the processes that the program started and that are still running
        child.process = None


def _why_waiting(alive: Sequence[Child]) -> str:
    names = " and ".join(child.name for child in alive)
    grace = max(child.program.grace for child in alive)
    reason = "it is finishing its work" if len(alive) == 1 else "they are finishing their work"
    return f"Waiting up to {grace:.0f} s for {names}: {reason}."
