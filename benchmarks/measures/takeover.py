"""A8: the time in which no job fires after a beat is killed while a second beat runs."""

from __future__ import annotations

import random
import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contenders.base import Contender
from benchmarks.exceptions import CannotMeasure
from benchmarks.measures.percentiles import percentile
from benchmarks.table import Figure

if TYPE_CHECKING:
    from benchmarks.trial import Trial

INTERVAL = 0.1  # seconds between two nominal instants: the shortest gap that this measure can detect
TAKEOVER_TIMEOUT = 60.0  # seconds


def measure(trial: Trial[Contender], n_kills: int, settle_seconds: float) -> list[Figure]:
    """Kill the older of two beats `n_kills` times while a job is due every 100 ms.

    Before each kill a new beat is started and given `settle_seconds` to be ready.
    """
    seconds = n_kills * (settle_seconds + 3) + settle_seconds
    first_at = time.time() // 1 + settle_seconds
    n_due = round(seconds / INTERVAL)
    trial.contender.make_due([first_at + place * INTERVAL for place in range(n_due)])
    phases = random.Random(1)  # kills at the same phase of a beat's second would hide the worst case
    firing = trial.start("beat")
    gaps = []
    for _ in range(n_kills):
        standby = trial.start("beat")
        trial.rest(settle_seconds + phases.uniform(0, 1))
        trial.kill(firing)
        killed_at = time.time()  # from here on only the other beat pushes messages
        trial.wait(partial(_has_fired, trial, killed_at), TAKEOVER_TIMEOUT, "the other beat did not fire")
        gaps.append(min(at for at in trial.broker.pushed_at() if at > killed_at) - killed_at)
        firing = standby
    trial.rest_until(first_at + seconds + 1)
    n_fired = len(trial.broker.pushed_at())
    if n_fired < n_due:
        raise CannotMeasure(f"only {n_fired:,} of {n_due:,} due instants have fired")
    return [
        Figure("beat killed, another standing by: time to the next fire, median", percentile(gaps, 0.5) * 1000, "ms"),
        Figure("beat killed, another standing by: time to the next fire, max", max(gaps) * 1000, "ms"),
    ]


def _has_fired(trial: Trial[Contender], since: float) -> bool:
    return trial.broker.pushed_at()[-1:] > [since]
