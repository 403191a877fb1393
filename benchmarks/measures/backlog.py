"""A6: no-op runs per second when all runs are in the queue before a worker starts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.contenders.base import Contender
from benchmarks.table import Figure
from benchmarks.trial import Kind

if TYPE_CHECKING:
    from benchmarks.contenders.base import Run
    from benchmarks.contenders.mainspring import Mainspring
    from benchmarks.trial import Trial

RUN_TIMEOUT = 240.0  # seconds: a contender that needs longer for its backlog is reported as failed


def measure(trial: Trial[Contender], n_runs: int, n_workers: int = 1) -> list[Figure]:
    """Publish `n_runs` runs with the contender's client or beat, then start the workers and measure their rate."""
    instants = [time.time()] * n_runs
    if not trial.contender.send(instants):
        trial.contender.make_due(instants)
        trial.start("beat")
        trial.wait_for_messages(n_runs, RUN_TIMEOUT)
        trial.stop_all()
    return [_rate(run_workers(trial, n_runs, "worker", n_workers))]


def one_run_per_message(trial: Trial[Mainspring], n_runs: int) -> list[Figure]:
    """Publish each run in its own message (by default, runs that are due together share messages)."""
    trial.contender.make_due([time.time()] * n_runs)
    trial.contender.publish_one_per_message(n_runs)
    return [_rate(run_workers(trial, n_runs, "worker"))]


def run_workers(trial: Trial[Kind], n_runs: int, role: str, n_workers: int = 1) -> list[Run]:
    """Start workers and return the runs when all runs have finished."""
    for _ in range(n_workers):
        trial.start(role)
    trial.wait_for_runs(n_runs, RUN_TIMEOUT)
    return trial.contender.finished_runs()


def rate(runs: list[Run]) -> float:
    """Return runs per second, from the first start to the last end."""
    return len(runs) / (max(run.finished_at for run in runs) - min(run.started_at for run in runs))


def _rate(runs: list[Run]) -> Figure:
    return Figure("no-op runs under a backlog", rate(runs), "/s", more_is_better=True)
