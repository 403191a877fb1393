"""A1 and A2: beat's time to the first message, its memory, and its cost while nothing is due."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from benchmarks.contenders.base import Contender
from benchmarks.table import Figure

if TYPE_CHECKING:
    from benchmarks.trial import Trial


def measure(trial: Trial[Contender], n_starts: int, idle_seconds: float) -> list[Figure]:
    """Start beat `n_starts` times with one due job each, then measure the last beat while no job is due."""
    seconds = []
    for place in range(n_starts):
        trial.stop_all()
        trial.contender.make_due([time.time()], first=place)
        n_before = len(trial.broker.pushed_at())
        beat = trial.start("beat")
        seconds.append(trial.wait_for_messages(n_before + 1, 120)[-1] - beat.started_at)
    at_first, _ = beat.memory()
    trial.rest(2)  # the first pass, which reads more than later ones, must not count as idle time
    cpu, n_transactions = beat.cpu_seconds(), trial.stores.n_transactions(trial.contender.database_url)
    trial.rest(idle_seconds)
    n_transactions = trial.stores.n_transactions(trial.contender.database_url) - n_transactions
    now, highest = beat.memory()
    figures = [
        Figure("beat: start to first message, median", statistics.median(seconds), "s"),
        Figure("beat: resident memory at the first message", at_first, "MB"),
        Figure("beat: resident memory some seconds later", now, "MB"),
        Figure("beat: peak resident memory", highest, "MB"),
        Figure("beat, nothing due: CPU", (beat.cpu_seconds() - cpu) / idle_seconds * 100, "% of a core"),
    ]
    if trial.contender.keeps_jobs_in_database:
        figures.append(Figure("beat, nothing due: transactions", n_transactions / idle_seconds, "/s"))
    return figures
