"""What a peer's no-op leaves behind: a line in a file, with when it was due and when it started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contenders.base import Contender, Run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class NotesStarts(Contender):
    """A contender that stores nothing of its runs in the database: its no-op takes no time, so start and end are one."""

    def variables(self, folder: Path) -> Mapping[str, str]:
        return {"BENCH_STARTS": str(folder / "starts")}

    def n_done(self) -> int:
        return len(self._lines())

    def done(self) -> list[Run]:
        pairs = [line.split() for line in self._lines()]
        return [Run(float(nominal_at), float(started_at), float(started_at)) for nominal_at, started_at in pairs]

    def _lines(self) -> list[str]:
        starts = self.folder / "starts"
        # The last piece may be half a line, of a process that is writing.
        return starts.read_text().split("\n")[:-1] if starts.exists() else []
