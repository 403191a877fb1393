"""Retention: drops partitions of old days, then deletes other old rows.

The other rows are old runs, unused definitions, and old states of rate limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from executions.history import partitions, queries
from executions.policies.limits import MAX_RATE_PERIOD
from values.database import execute

if TYPE_CHECKING:
    from datetime import datetime

# Dropping a day's partitions is far cheaper than deleting its runs. So runs of a day are deleted one by one only if the
# day could not be dropped for two days, because one of its runs is still live or ended late.
PARTITION_GRACE = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Pruned:
    """The result of `prune_all`. `n_days`: number of days whose partitions were dropped.

    `n_runs`, `n_specs`, `n_rates`: numbers of deleted runs, definitions and rate limit states. `n_runs` does not
    include the runs in dropped partitions.
    """

    n_days: int
    n_runs: int
    n_specs: int
    n_rates: int = 0


def prune_once(now: datetime, keep: timedelta, limit: int) -> tuple[int, int]:
    """Delete up to `limit` runs that ended more than `keep` ago, and up to `limit` unused definitions.

    Returns the two counts. Runs in the partition of a day are kept `PARTITION_GRACE` longer. Definitions are deleted
    only when no more runs can be deleted.
    """
    before = now - keep
    n_runs = execute(queries.PRUNE.format(runs="executions_run_other"), {"before": before, "limit": limit})
    if n_runs < limit:
        values = {"before": before - PARTITION_GRACE, "limit": limit - n_runs}
        n_runs += execute(queries.PRUNE.format(runs="executions_run"), values)
    n_specs = execute(queries.PRUNE_SPECS, {"before": before, "limit": limit}) if n_runs < limit else 0
    return n_runs, n_specs


def prune_all(now: datetime, keep: timedelta, limit: int) -> Pruned:
    """Drop partitions of old days, then delete other old runs, unused definitions and old states of rate limits.

    Each statement deletes at most `limit` runs, definitions or states. The attempts, events and log lines of a run are
    deleted with the run.
    """
    n_days = partitions.drop_old(now - keep)
    n_runs, n_specs = prune_once(now, keep, limit)
    n_last = n_runs
    while n_last >= limit:
        n_last, n_more = prune_once(now, keep, limit)
        n_runs, n_specs = n_runs + n_last, n_specs + n_more
    return Pruned(n_days, n_runs, n_specs, _prune_rates(now, limit))


def _prune_rates(now: datetime, limit: int) -> int:
    """Delete the `RateState` rows that are too old to delay a start. Returns the number of deleted rows."""
    values = {"before": now - MAX_RATE_PERIOD, "limit": limit}
    n_rates = n_last = execute(queries.PRUNE_RATES, values)
    while n_last >= limit:
        n_last = execute(queries.PRUNE_RATES, values)
        n_rates += n_last
    return n_rates
