"""A3: how soon a job that is made or changed so as to be due at once is in the broker, and what that costs beat."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from benchmarks.contenders.base import Contender
from benchmarks.measures.spread import spread
from benchmarks.table import Figure

if TYPE_CHECKING:
    from benchmarks.arena import Arena

PATIENCE = 120.0  # seconds


def measure(ring: Arena[Contender], n_edits: int, settle_seconds: float) -> list[Figure]:
    """One edit at a time: half of them make a job, half change one; the next when the broker has it, and a pause."""
    beat, editor = ring.start("beat"), ring.edit()
    ring.rest(settle_seconds)
    cpu, took = beat.cpu_seconds(), {"create": list[float](), "change": list[float]()}
    pauses = random.Random(1)  # so that edits do not keep step with what beat does each second
    n_before = len(ring.watch.pushed_at())
    for place in range(n_edits):
        what = ("create", "change")[place % 2]
        editor.tell(what, ring.n_jobs - place)
        asked_at = float(editor.answer())
        pushed_at = ring.wait_for_messages(n_before + place + 1, PATIENCE)[-1]
        took[what].append(pushed_at - asked_at)
        ring.rest(pauses.uniform(0.05, 0.3))
    cpu = beat.cpu_seconds() - cpu
    return [
        *spread("new job, due at once: call to message in the broker", took["create"], "ms", 50, 99),
        *spread("changed job, due at once: call to message in the broker", took["change"], "ms", 50, 99),
        Figure("CPU of beat per edit", cpu / n_edits * 1000, "ms"),
    ]
