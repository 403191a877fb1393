"""A11: what all processes together cost while nothing is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contenders.base import Contender
from benchmarks.table import Figure

if TYPE_CHECKING:
    from benchmarks.arena import Arena


def measure(ring: Arena[Contender], settle_seconds: float, seconds: float) -> list[Figure]:
    """Every role is up, and nobody asks for anything."""
    processes = [ring.start(role) for role in ring.contender.roles]
    ring.rest(settle_seconds)
    database_url = ring.contender.database_url
    cpu = sum(process.cpu_seconds(with_children=True) for process in processes)
    n_transactions = ring.stores.n_transactions(database_url)
    ring.rest(seconds)
    cpu = sum(process.cpu_seconds(with_children=True) for process in processes) - cpu
    n_transactions = ring.stores.n_transactions(database_url) - n_transactions
    return [
        Figure("all processes, nothing due: CPU", cpu / seconds * 100, "% of a core"),
        Figure("all processes, nothing due: transactions", n_transactions / seconds, "/s"),
    ]
