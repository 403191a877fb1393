"""A3: time from an edit to its message in the broker, and the CPU time of beat.

An edit creates or changes a job so that the job is due immediately.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from benchmarks.contenders.base import Contender
from benchmarks.measures.percentiles import percentile_figures
from benchmarks.table import Figure

if TYPE_CHECKING:
    from benchmarks.trial import Trial

MESSAGE_TIMEOUT = 120.0  # seconds: a contender that needs longer for one edit is reported as failed


def measure(trial: Trial[Contender], n_edits: int, settle_seconds: float) -> list[Figure]:
    """Create and change jobs alternately.

    Each edit starts a random time after the message of the previous edit.
    """
    beat, editor = trial.start("beat"), trial.start_editor()
    trial.rest(settle_seconds)
    cpu, delays = beat.cpu_seconds(), {"create": list[float](), "change": list[float]()}
    pauses = random.Random(1)  # edits must not stay in phase with the work that beat does every second
    n_before = len(trial.broker.pushed_at())
    for place in range(n_edits):
        what = ("create", "change")[place % 2]
        editor.send(what, trial.n_jobs - place)
        edited_at = float(editor.read_reply())
        pushed_at = trial.wait_for_messages(n_before + place + 1, MESSAGE_TIMEOUT)[-1]
        delays[what].append(pushed_at - edited_at)
        trial.rest(pauses.uniform(0.05, 0.3))
    cpu = beat.cpu_seconds() - cpu
    return [
        *percentile_figures("new job, due at once: call to message in the broker", delays["create"], "ms", 50, 99),
        *percentile_figures("changed job, due at once: call to message in the broker", delays["change"], "ms", 50, 99),
        Figure("CPU of beat per edit", cpu / n_edits * 1000, "ms"),
    ]
