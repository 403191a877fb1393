"""BullMQ's job schedulers: Node.js, with everything in Redis."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.contenders.start_file import RecordsStarts
from benchmarks.peers import install
from benchmarks.processes import ROOT, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

CONCURRENCY = "100"  # concurrent jobs in the only worker process, which waits for Redis most of the time


class BullMQ(RecordsStarts):
    """Daily job schedulers. The workers find due jobs themselves, so there is no beat; runs are not stored."""

    key = "bullmq"
    name = "BullMQ"
    roles = ("worker",)
    keeps_jobs_in_database = False

    def variables(self, folder: Path) -> Mapping[str, str]:
        return {**super().variables(folder), "NODE_PATH": install.node_path()}

    def command(self, role: str) -> list[str]:
        return [install.node(), _program(role), CONCURRENCY]

    def fill(self, n_jobs: int) -> None:
        self._jobs("mass", str(n_jobs))

    def make_due(self, instants: Sequence[float], first: int = 0) -> None:
        self._jobs("due", str(first), text=json.dumps(instants))

    def editor(self) -> list[str]:
        return [install.node(), _program("jobs"), "edit"]

    def _jobs(self, *arguments: str, text: str = "") -> None:
        run([install.node(), _program("jobs"), *arguments], self.environment, text)


def _program(name: str) -> str:
    return str(ROOT / "benchmarks" / "peers" / "bullmq" / f"{name}.js")
