"""A4 and A5: delay from the nominal instant to the message in the broker and to the start in a worker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.contenders.base import Contender
from benchmarks.exceptions import CannotMeasure
from benchmarks.measures.percentiles import percentile_figures
from benchmarks.table import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.trial import Trial

RUN_TIMEOUT = 240.0  # seconds: a contender that needs longer for a herd is reported as failed
GRACE_SECONDS = 5.0  # seconds after the last nominal instant until a run that has not started counts as late
BEAT_ROWS_PER_SECOND = 5_000  # rows that stock beat reads at its start


def herd(trial: Trial[Contender], n_due: int, n_beats: int = 1) -> list[Figure]:
    """Make `n_due` jobs due at one instant, with beats and a worker running."""
    at = _begin(trial, [0.0] * n_due, n_beats)
    trial.wait_for_runs(n_due, RUN_TIMEOUT)
    runs = trial.contender.finished_runs()
    figures = []
    if trial.contender.queue:
        queued = [pushed_at - at for pushed_at in trial.wait_for_messages(n_due, 1)]
        figures = percentile_figures("herd: nominal instant to message in the broker", queued, "s")
    return [
        *figures,
        *percentile_figures("herd: nominal instant to start", [run.started_at - run.nominal_at for run in runs], "s"),
        Figure("herd: nominal instant to last end", max(run.finished_at for run in runs) - at, "s"),
    ]


def steady(trial: Trial[Contender], per_second: int, seconds: int, edits_per_second: float) -> list[Figure]:
    """Make `per_second` jobs due every second, evenly spaced, while other jobs are edited.

    A run that has not started `GRACE_SECONDS` after the last nominal instant counts with its delay at that moment.
    """
    editor = trial.start_editor()
    n_due = per_second * seconds
    first_at = _begin(trial, [place / per_second for place in range(n_due)], 1)
    trial.rest_until(first_at)
    editor.send("touch", edits_per_second, seconds, n_due + 1)
    editor.read_reply()
    trial.rest_until(first_at + seconds)
    n_edits = int(editor.read_reply())
    until = first_at + seconds + GRACE_SECONDS
    while trial.contender.n_finished() < n_due and time.time() < until:
        trial.rest(0.5)
    runs = trial.contender.finished_runs()
    if len(runs) > n_due:
        raise CannotMeasure(f"{len(runs):,} runs for {n_due:,} due instants: some fired twice")
    started = {round(run.nominal_at, 3) for run in runs}
    instants = [first_at + place / per_second for place in range(n_due)]
    delays = [run.started_at - run.nominal_at for run in runs]
    delays += [until - at for at in instants if round(at, 3) not in started]
    share = len(runs) / n_due
    return [
        *percentile_figures(f"{per_second} runs due per second: nominal instant to start", delays, "ms"),
        Figure("... started within 5 s of the last nominal instant", share * 100, "%", more_is_better=True),
        Figure("... edits", n_edits / seconds, "/s", more_is_better=True),
    ]


def _begin(trial: Trial[Contender], offsets: Sequence[float], n_beats: int) -> float:
    """Start a worker and beats, make jobs due once these processes are ready, and sleep until the first job is due.

    Returns the first nominal instant, in seconds since 1970. `offsets` are seconds after this instant.
    """
    trial.start("worker")
    # Stock beat reads every row before it is ready; that time must not count as delay.
    loading = (trial.n_jobs + len(offsets)) / BEAT_ROWS_PER_SECOND * trial.contender.slow_to_start
    first_at = time.time() // 1 + 5 + loading
    trial.contender.make_due([first_at + offset for offset in offsets])
    for _ in range(n_beats):
        trial.start_if_any("beat")
    trial.rest_until(first_at)
    return first_at
