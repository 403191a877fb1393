"""The stop in order: one stage of programs after the other, saying what it waits for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scheduler_project.launch.child import Child

QUIET = 2.0  # seconds: a stop that takes longer says why


def stop_stage(
    stage: Sequence[Child],
    *,
    say: Callable[[str], None],
    impatient: Callable[[], bool],
    meanwhile: Callable[[], None],
) -> None:
    """Ask the programs to stop and wait; one that outstays its grace is killed, and all are once `impatient` holds.

    `meanwhile` is called again and again, and is where the time passes.
    """
    for child in stage:
        child.ask_to_stop()
    asked_at, told = time.monotonic(), False
    while alive := [child for child in stage if child.alive]:
        waited = time.monotonic() - asked_at
        if not told and waited > QUIET:
            told = True
            say(_why(alive))
        for child in alive:
            if impatient():
                child.kill()
            elif waited > child.program.grace:
                say(f"{child.name} is still busy after {child.program.grace:.0f} s: killed.")
                child.kill()
        meanwhile()
    for child in stage:
        child.kill()  # what it may have left behind of its own
        child.process = None


def _why(alive: Sequence[Child]) -> str:
    names = " and ".join(child.name for child in alive)
    grace = max(child.program.grace for child in alive)
    they = "it is finishing what it runs" if len(alive) == 1 else "they are finishing what they run"
    return f"Waiting for {names}, up to {grace:.0f} s: {they}."
