"""The course of the chaos: make jobs, start everything, kill for a while, let it drain, look at the books."""

from __future__ import annotations

import os
import random
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.core.management import call_command

from tests.chaos import world
from tests.chaos.monkey import Monkey
from tests.receiver import answer, running_receiver
from tests.waiting import pause

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from scheduler_project.launch.server import Server

POOL = "4"  # connections of each process
SLOW = 1.0  # seconds that one target in ten takes
CREATED_A_SECOND = 100  # jobs, at the least
DRAIN = 300.0  # seconds after which what is not over counts as stuck


def tell(given: Namespace, folder: Path, stores: Sequence[Server]) -> bool:
    """Run it and print what was seen; whether every promise held."""
    say = _Clock()
    call_command("migrate", verbosity=0)
    first_at = datetime.now(UTC) + timedelta(seconds=10 + given.jobs / CREATED_A_SECOND)
    end_at = first_at + timedelta(minutes=given.minutes)
    with running_receiver() as receiver:
        receiver.script("/slow", answer(200, after=SLOW))
        planned = world.make_jobs(given.jobs, given.fires, first_at, end_at, receiver.url("").rstrip("/"))
        n_expected = sum(1 for job in planned for _ in job.instants())
        say(f"{len(planned)} jobs, {n_expected} occurrences in {given.minutes:g} minutes, seed {given.seed}.")
        monkey = Monkey(folder, {**os.environ, "MAINSPRING_DB_POOL": POOL}, stores, random.Random(given.seed))
        try:
            monkey.start_all()
            pause((first_at - datetime.now(UTC)).total_seconds())
            say("The first is due. From now on everything is killed at random.")
            monkey.rage(time.monotonic() + (end_at - datetime.now(UTC)).total_seconds())
            say(f"Killed: {_listed(monkey.n_kills)}. Ended by themselves: {_listed(monkey.n_own_ends)}. Draining.")
            deadline = time.monotonic() + DRAIN
            while not world.is_over() and time.monotonic() < deadline:
                monkey.look_after()
                pause(0.5)
        finally:
            monkey.stop_all()
        faults = world.faults(planned, receiver.requests)
        say(f"Over. {len(receiver.requests)} calls arrived. {'' if faults else 'Every promise held.'}")
    for fault in faults:
        print(f"  FAULT: {fault}", flush=True)
    return not faults


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(counts.items())) or "nothing"


class _Clock:
    """Prints lines with the seconds since its making."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"[{time.monotonic() - self._began:6.1f} s] {text}", flush=True)
