"""Stock django-celery-beat, set up as its documentation describes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks import seeds
from benchmarks.contenders.base import CeleryContender
from benchmarks.contenders.start_file import RecordsStarts
from benchmarks.processes import python, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class StockBeat(CeleryContender, RecordsStarts):
    """django-celery-beat with its own scheduler, whose rows call the no-op task."""

    key = "stock_beat"
    name = "django-celery-beat"
    app = "benchmarks.peers.stock_beat.app"
    queue = "celery"
    slow_to_start = True

    def variables(self, folder: Path) -> Mapping[str, str]:
        return {**super().variables(folder), "DJANGO_SETTINGS_MODULE": "benchmarks.peers.stock_beat.settings"}

    def prepare(self) -> None:
        run(python("-m", "django", "migrate", "--verbosity", "0"), self.environment)

    def fill(self, n_jobs: int) -> None:
        self._seed("mass", str(n_jobs))
        seeds.vacuum(self.database_url)

    def make_due(self, instants: Sequence[float], first: int = 0) -> None:
        self._seed("due", str(first), text=json.dumps(instants))

    def send(self, instants: Sequence[float]) -> bool:
        self._seed("messages", text=json.dumps(instants))
        return True

    def editor(self) -> list[str]:
        return python("-m", "benchmarks.with_django", "benchmarks.peers.stock_beat.editor")

    def _seed(self, *arguments: str, text: str = "") -> None:
        seed = python("-m", "benchmarks.with_django", "benchmarks.peers.stock_beat.seed", *arguments)
        run(seed, self.environment, text)
