"""How late work is: from the nominal instant to the message in the broker and to the start in a worker."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from benchmarks.table import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.arena import Arena

PATIENCE = 240.0  # seconds


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not below `share` of them all (nearest rank)."""
    return sorted(values)[max(math.ceil(len(values) * share) - 1, 0)]


def herd(ring: Arena, n_due: int, n_jobs: int) -> list[Figure]:
    """`n_due` of `n_jobs` are due at one instant; beat and worker are up by then."""
    at, starts, finished_at = _run(ring, n_jobs, [0.0] * n_due)
    queued = [pushed_at - at for pushed_at in ring.wait_for_messages(n_due, 1)]
    return [
        *_spread("herd: due to in the broker", queued, "s"),
        *_spread("herd: due to started", starts, "s"),
        Figure("herd: due to all done", finished_at - at, "s"),
    ]


def steady(ring: Arena, per_second: int, seconds: int, n_jobs: int) -> list[Figure]:
    """`per_second` jobs are due in each of `seconds`, evenly spaced."""
    n_due = per_second * seconds
    _, starts, _ = _run(ring, n_jobs, [place / per_second for place in range(n_due)])
    return _spread(f"{per_second} due a second: due to started", [start * 1000 for start in starts], "ms")


def backlog(ring: Arena, n_runs: int) -> list[Figure]:
    """`n_runs` wait in the broker when a worker begins."""
    instants = [time.time()] * n_runs
    if not ring.contender.send(instants):
        ring.contender.seed(n_runs, n_runs)
        ring.contender.make_due(instants)
        ring.start("beat")
        ring.wait_for_messages(n_runs, PATIENCE)
        ring.stop_all()
    ring.start("worker")
    ring.wait_for_runs(n_runs, PATIENCE)
    runs = ring.contender.done()
    took = max(run.finished_at for run in runs) - min(run.started_at for run in runs)
    return [Figure("no-op runs under a backlog", len(runs) / took, "/s", more_is_better=True)]


def _run(ring: Arena, n_jobs: int, offsets: Sequence[float]) -> tuple[float, list[float], float]:
    """The first instant, the lateness of each start, and the instant when all were done."""
    ring.contender.seed(n_jobs, len(offsets))
    ring.start("worker")
    # Stock beat reads every row before it is ready, and must not be late for that.
    first_at = time.time() // 1 + 5 + n_jobs / 5000
    ring.contender.make_due([first_at + offset for offset in offsets])
    ring.start("beat")
    ring.wait_for_runs(len(offsets), PATIENCE)
    runs = ring.contender.done()
    return first_at, [run.started_at - run.nominal_at for run in runs], max(run.finished_at for run in runs)


def _spread(what: str, values: Sequence[float], unit: str) -> list[Figure]:
    return [
        Figure(f"{what}, p50", percentile(values, 0.5), unit),
        Figure(f"{what}, p99", percentile(values, 0.99), unit),
        Figure(f"{what}, max", max(values), unit),
    ]
