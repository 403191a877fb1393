"""The steps of a chaos test: make jobs, start all processes, kill for minutes, wait for the end, check promises."""

from __future__ import annotations

import os
import random
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.core.management import call_command

from tests.chaos.careless import careless_server
from tests.chaos.monkey import Monkey
from tests.chaos.planned_jobs import make_jobs
from tests.chaos.promises import faults, is_over
from tests.receiver import answer, running_receiver
from tests.waiting import pause

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from scheduler_project.launch.server import Server

POOL = "4"  # connections of each process
SLOW = 1.0  # seconds that the slow target takes to answer
CREATED_PER_SECOND = 100  # jobs that a slow machine creates
DRAIN_TIMEOUT = 300.0  # seconds after the last kill; a run that is live after that is stuck


def run_chaos(given: Namespace, folder: Path, stores: Sequence[Server]) -> bool:
    """Run the steps and print what happens. Return whether every promise held."""
    say = _Log()
    call_command("migrate", verbosity=0)
    first_at = datetime.now(UTC) + timedelta(seconds=10 + given.jobs / CREATED_PER_SECOND)
    end_at = first_at + timedelta(minutes=given.minutes)
    with running_receiver() as receiver:
        receiver.script("/slow", answer(200, after=SLOW))
        receiver.script("/careless", careless_server(random.Random(given.seed + 1)))
        planned = make_jobs(given.jobs, given.fires, first_at, end_at, receiver.url("").rstrip("/"))
        n_expected = sum(1 for job in planned for _ in job.instants())
        say(f"{len(planned)} jobs, {n_expected} occurrences in {given.minutes:g} minutes, seed {given.seed}.")
        monkey = Monkey(folder, {**os.environ, "MAINSPRING_DB_POOL": POOL}, stores, random.Random(given.seed))
        try:
            monkey.start_all()
            pause((first_at - datetime.now(UTC)).total_seconds())
            say("The first job is due. From now on processes are killed and clocks are wrong, at random.")
            monkey.kill_until(time.monotonic() + (end_at - datetime.now(UTC)).total_seconds())
            say(f"Killed: {_listed(monkey.n_kills)}. Ended by themselves: {_listed(monkey.n_own_ends)}.")
            say(f"Wrong clocks: {_listed(monkey.n_wrong_clocks)}. Draining.")
            deadline = time.monotonic() + DRAIN_TIMEOUT
            while not is_over() and time.monotonic() < deadline:
                monkey.restart_ended()
                pause(0.5)
        finally:
            monkey.stop_all()
        broken = faults(planned, receiver.requests)
        say(f"Over. {len(receiver.requests)} calls arrived. {'' if broken else 'Every promise held.'}")
    for fault in broken:
        print(f"  FAULT: {fault}", flush=True)
    return not broken


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(counts.items())) or "nothing"


class _Log:
    """Prints lines with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"[{time.monotonic() - self._began:6.1f} s] {text}", flush=True)
