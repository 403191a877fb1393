"""A11: CPU time and transactions of all processes while no job is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contenders.base import Contender
from benchmarks.table import Figure

if TYPE_CHECKING:
    from benchmarks.trial import Trial


def measure(trial: Trial[Contender], settle_seconds: float, seconds: float) -> list[Figure]:
    """Start every role and measure for `seconds` while no job is due and no request arrives."""
    processes = [trial.start(role) for role in trial.contender.roles]
    trial.rest(settle_seconds)
    database_url = trial.contender.database_url
    cpu = sum(process.cpu_seconds(with_children=True) for process in processes)
    n_transactions = trial.stores.n_transactions(database_url)
    trial.rest(seconds)
    cpu = sum(process.cpu_seconds(with_children=True) for process in processes) - cpu
    n_transactions = trial.stores.n_transactions(database_url) - n_transactions
    return [
        Figure("all processes, nothing due: CPU", cpu / seconds * 100, "% of a core"),
        Figure("all processes, nothing due: transactions", n_transactions / seconds, "/s"),
    ]
