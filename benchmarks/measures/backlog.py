"""A6: complete no-op runs a second, when all are in the queue before a worker begins."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.arena import Kind
from benchmarks.contenders.base import Contender
from benchmarks.table import Figure

if TYPE_CHECKING:
    from benchmarks.arena import Arena
    from benchmarks.contenders.base import Run
    from benchmarks.contenders.mainspring import Mainspring

PATIENCE = 240.0  # seconds


def measure(ring: Arena[Contender], n_runs: int, n_workers: int = 1) -> list[Figure]:
    """`n_runs` wait as the contender's beat, or its client, has published them."""
    instants = [time.time()] * n_runs
    if not ring.contender.send(instants):
        ring.contender.make_due(instants)
        ring.start("beat")
        ring.wait_for_messages(n_runs, PATIENCE)
        ring.stop_all()
    return [_rate(carry_out(ring, n_runs, "worker", n_workers))]


def singly(ring: Arena[Mainspring], n_runs: int) -> list[Figure]:
    """`n_runs` wait, each in a message of its own, though so many would share messages."""
    ring.contender.make_due([time.time()] * n_runs)
    ring.contender.send_singly(n_runs)
    return [_rate(carry_out(ring, n_runs, "worker"))]


def carry_out(ring: Arena[Kind], n_runs: int, role: str, n_workers: int = 1) -> list[Run]:
    """Start workers and return the runs when all are over."""
    for _ in range(n_workers):
        ring.start(role)
    ring.wait_for_runs(n_runs, PATIENCE)
    return ring.contender.done()


def rate(runs: list[Run]) -> float:
    """Runs a second, from the first start to the last end."""
    return len(runs) / (max(run.finished_at for run in runs) - min(run.started_at for run in runs))


def _rate(runs: list[Run]) -> Figure:
    return Figure("no-op runs under a backlog", rate(runs), "/s", more_is_better=True)
