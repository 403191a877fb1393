"""celery-redbeat: a beat that keeps its schedule in Redis."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.contenders.base import CeleryContender
from benchmarks.contenders.start_file import RecordsStarts
from benchmarks.peers import install
from benchmarks.processes import run

if TYPE_CHECKING:
    from collections.abc import Sequence


class RedBeat(CeleryContender, RecordsStarts):
    """Daily entries that call the no-op task."""

    key = "redbeat"
    name = "celery-redbeat"
    app = "benchmarks.peers.redbeat.app"
    queue = "celery"
    keeps_jobs_in_database = False

    @property
    def interpreter(self) -> str:
        return install.python()

    def fill(self, n_jobs: int) -> None:
        self._seed("mass", str(n_jobs))

    def make_due(self, instants: Sequence[float], first: int = 0) -> None:
        self._seed("due", str(first), text=json.dumps(instants))

    def editor(self) -> list[str]:
        return [self.interpreter, "-m", "benchmarks.peers.redbeat.editor"]

    def _seed(self, *arguments: str, text: str = "") -> None:
        run([self.interpreter, "-m", "benchmarks.peers.redbeat.seed", *arguments], self.environment, text)
