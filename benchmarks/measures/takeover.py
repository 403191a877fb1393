"""A8: how long nothing is fired when a beat is killed and another stands by."""

from __future__ import annotations

import random
import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contenders.base import Contender
from benchmarks.exceptions import CannotMeasure
from benchmarks.measures.spread import percentile
from benchmarks.table import Figure

if TYPE_CHECKING:
    from benchmarks.arena import Arena

EVERY = 0.1  # seconds between two nominal instants


def measure(ring: Arena[Contender], n_kills: int, settle_seconds: float) -> list[Figure]:
    """A job is due each 100 ms. Two beats are up, of which each fires what the other has not; the older is killed.

    After that another is started, which stands by after `settle_seconds`, and so on.
    """
    seconds = n_kills * (settle_seconds + 3) + settle_seconds
    first_at = time.time() // 1 + settle_seconds
    n_due = round(seconds / EVERY)
    ring.contender.make_due([first_at + place * EVERY for place in range(n_due)])
    moments = random.Random(1)
    firing = ring.start("beat")
    gaps = []
    for _ in range(n_kills):
        standby = ring.start("beat")
        ring.rest(settle_seconds + moments.uniform(0, 1))
        ring.kill(firing)
        killed_at = time.time()  # what is pushed from now on is the other's
        ring.wait(partial(_has_fired, ring, killed_at), 60, "the other beat had fired")
        gaps.append(min(at for at in ring.watch.pushed_at() if at > killed_at) - killed_at)
        firing = standby
    ring.rest_until(first_at + seconds + 1)
    pushed = len(ring.watch.pushed_at())
    if pushed < n_due:
        raise CannotMeasure(f"of {n_due:,} instants {pushed:,} have been fired")
    return [
        Figure("beat killed, another standing by: time to the next fire, median", percentile(gaps, 0.5) * 1000, "ms"),
        Figure("beat killed, another standing by: time to the next fire, max", max(gaps) * 1000, "ms"),
    ]


def _has_fired(ring: Arena[Contender], since: float) -> bool:
    return ring.watch.pushed_at()[-1:] > [since]
