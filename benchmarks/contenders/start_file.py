"""Contenders that store no runs: their no-op appends the due time and the start time of each run to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contenders.base import Contender, Run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class RecordsStarts(Contender):
    """Reads the runs from the file. A no-op takes no time, so the start of a run also counts as its end."""

    def variables(self, folder: Path) -> Mapping[str, str]:
        return {"BENCH_STARTS": str(folder / "starts")}

    def n_finished(self) -> int:
        return len(self._lines())

    def finished_runs(self) -> list[Run]:
        pairs = [line.split() for line in self._lines()]
        return [Run(float(nominal_at), float(started_at), float(started_at)) for nominal_at, started_at in pairs]

    def _lines(self) -> list[str]:
        starts = self.folder / "starts"
        # A process may be writing the last line, so the text after the last line break is ignored.
        return starts.read_text().split("\n")[:-1] if starts.exists() else []
