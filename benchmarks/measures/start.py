"""A1 and A2: how a beat begins: the time to its first message, its memory, and what it costs while nothing is due."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from benchmarks.contenders.base import Contender
from benchmarks.table import Figure

if TYPE_CHECKING:
    from benchmarks.arena import Arena


def measure(ring: Arena[Contender], n_starts: int, idle_seconds: float) -> list[Figure]:
    """Beat is started `n_starts` times, each time with one job due; after the last message none is."""
    took = []
    for place in range(n_starts):
        ring.stop_all()
        ring.contender.make_due([time.time()], first=place)
        n_before = len(ring.watch.pushed_at())
        beat = ring.start("beat")
        took.append(ring.wait_for_messages(n_before + 1, 120)[-1] - beat.started_at)
    at_first, _ = beat.memory()
    ring.rest(2)  # let the first pass end
    cpu, n_transactions = beat.cpu_seconds(), ring.stores.n_transactions(ring.contender.database_url)
    ring.rest(idle_seconds)
    n_transactions = ring.stores.n_transactions(ring.contender.database_url) - n_transactions
    now, highest = beat.memory()
    figures = [
        Figure("beat: start to first message, median", statistics.median(took), "s"),
        Figure("beat: resident memory by then", at_first, "MB"),
        Figure("beat: resident memory some seconds later", now, "MB"),
        Figure("beat: resident memory at its highest", highest, "MB"),
        Figure("beat, nothing due: CPU", (beat.cpu_seconds() - cpu) / idle_seconds * 100, "% of a core"),
    ]
    if ring.contender.keeps_jobs_in_database:
        figures.append(Figure("beat, nothing due: transactions", n_transactions / idle_seconds, "/s"))
    return figures
