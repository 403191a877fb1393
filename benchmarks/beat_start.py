"""How a beat begins: the time to its first message, its memory, and what it costs while nothing is due."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from benchmarks.table import Figure

if TYPE_CHECKING:
    from benchmarks.arena import Arena


def measure(ring: Arena, n_jobs: int, n_starts: int, idle_seconds: float) -> list[Figure]:
    """Beat is started `n_starts` times, each time with one of `n_jobs` due; after the last message none is."""
    ring.contender.seed(n_jobs, n_starts)
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
    now, highest = beat.memory()
    return [
        Figure(f"beat: start to first message, median of {n_starts}", statistics.median(took), "s"),
        Figure("beat: resident memory by then", at_first, "MB"),
        Figure(f"beat: resident memory {idle_seconds + 2:.0f} s later", now, "MB"),
        Figure("beat: resident memory at its highest", highest, "MB"),
        Figure("beat, nothing due: CPU", (beat.cpu_seconds() - cpu) / idle_seconds * 100, "% of a core"),
        Figure(
            "beat, nothing due: transactions",
            (ring.stores.n_transactions(ring.contender.database_url) - n_transactions) / idle_seconds,
            "/s",
        ),
    ]
