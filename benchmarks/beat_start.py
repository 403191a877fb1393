"""How a beat begins: the time to its first message, its memory, and what it costs while nothing is due."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.table import Figure

if TYPE_CHECKING:
    from benchmarks.arena import Arena


def measure(ring: Arena, n_jobs: int, idle_seconds: float) -> list[Figure]:
    """One of `n_jobs` is due when beat starts; after its message nothing is, for `idle_seconds`."""
    ring.contender.seed(n_jobs, 1)
    ring.contender.make_due([time.time()])
    beat = ring.start("beat")
    first_at = ring.wait_for_messages(1, 120)[0]
    at_first, _ = beat.memory()
    ring.rest(2)  # let the first pass end
    cpu, n_transactions = beat.cpu_seconds(), ring.stores.n_transactions(ring.contender.database_url)
    ring.rest(idle_seconds)
    now, highest = beat.memory()
    return [
        Figure("beat: start to first message", first_at - beat.started_at, "s"),
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
