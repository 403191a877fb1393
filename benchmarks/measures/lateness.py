"""A4 and A5: how late work is, from the nominal instant to the message in the broker and to the start in a worker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.contenders.base import Contender
from benchmarks.exceptions import CannotMeasure
from benchmarks.measures.spread import spread
from benchmarks.table import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.arena import Arena

PATIENCE = 240.0  # seconds
AFTER_WINDOW = 5.0  # seconds: what has not been carried out by then counts as late by that


def herd(ring: Arena[Contender], n_due: int, n_beats: int = 1) -> list[Figure]:
    """`n_due` jobs are due at one instant; beats and worker are up by then."""
    at = _begin(ring, [0.0] * n_due, n_beats)
    ring.wait_for_runs(n_due, PATIENCE)
    runs = ring.contender.done()
    figures = []
    if ring.contender.queue:
        queued = [pushed_at - at for pushed_at in ring.wait_for_messages(n_due, 1)]
        figures = spread("herd: due to in the broker", queued, "s")
    return [
        *figures,
        *spread("herd: due to started", [run.started_at - run.nominal_at for run in runs], "s"),
        Figure("herd: due to all executed", max(run.finished_at for run in runs) - at, "s"),
    ]


def steady(ring: Arena[Contender], per_second: int, seconds: int, edits_per_second: float) -> list[Figure]:
    """`per_second` jobs are due in each of `seconds`, evenly spaced, while others are edited at a rate.

    A run that has not started in time counts with the lateness that it has had by then.
    """
    editor = ring.edit()
    n_due = per_second * seconds
    first_at = _begin(ring, [place / per_second for place in range(n_due)], 1)
    ring.rest_until(first_at)
    editor.tell("touch", edits_per_second, seconds, n_due + 1)
    editor.answer()
    ring.rest_until(first_at + seconds)
    n_edits = int(editor.answer())
    until = first_at + seconds + AFTER_WINDOW
    while ring.contender.n_done() < n_due and time.time() < until:
        ring.rest(0.5)
    runs = ring.contender.done()
    if len(runs) > n_due:
        raise CannotMeasure(f"{len(runs):,} runs of {n_due:,} instants")
    started = {round(run.nominal_at, 3) for run in runs}
    instants = [first_at + place / per_second for place in range(n_due)]
    lateness = [run.started_at - run.nominal_at for run in runs]
    lateness += [until - at for at in instants if round(at, 3) not in started]
    share = len(runs) / n_due
    return [
        *spread(f"{per_second} due a second: due to started", lateness, "ms"),
        Figure("... started by 5 s after the last", share * 100, "%", more_is_better=True),
        Figure("... edits", n_edits / seconds, "/s", more_is_better=True),
    ]


def _begin(ring: Arena[Contender], offsets: Sequence[float], n_beats: int) -> float:
    """Start worker and beats, and have jobs due from an instant on which leaves them time; returns it."""
    ring.start("worker")
    # Stock beat reads every row before it is ready, and must not be late for that.
    first_at = time.time() // 1 + 5 + (ring.n_jobs + len(offsets)) / 5000 * ring.contender.slow_to_start
    ring.contender.make_due([first_at + offset for offset in offsets])
    for _ in range(n_beats):
        ring.start_if_any("beat")
    ring.rest_until(first_at)
    return first_at
