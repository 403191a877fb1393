"""How long history is kept: old runs go with their attempts, events and log, then definitions nobody names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from executions import queries
from executions.database import execute

if TYPE_CHECKING:
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Pruned:
    n_runs: int
    n_specs: int


def prune_once(now: datetime, keep: timedelta, limit: int) -> Pruned:
    """Delete up to `limit` runs that ended more than `keep` ago; fewer than `limit` means that it is done."""
    before = now - keep
    n_runs = execute(queries.PRUNE, {"before": before, "limit": limit})
    n_specs = execute(queries.PRUNE_SPECS, {"before": before, "limit": limit}) if n_runs < limit else 0
    return Pruned(n_runs=n_runs, n_specs=n_specs)


def prune_all(now: datetime, keep: timedelta, limit: int) -> Pruned:
    """Prune batch by batch, each a transaction of its own, until nothing old is left."""
    pruned = prune_once(now, keep, limit)
    n_runs, n_specs = pruned.n_runs, pruned.n_specs
    while pruned.n_runs >= limit:
        pruned = prune_once(now, keep, limit)
        n_runs, n_specs = n_runs + pruned.n_runs, n_specs + pruned.n_specs
    return Pruned(n_runs, n_specs)
