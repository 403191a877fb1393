"""What a measurement is made of: one contender's turn, and those who take theirs beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.contenders.base import Contender

if TYPE_CHECKING:
    from benchmarks.table import Figure

Measure = Callable[[Any], "list[Figure]"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One contender's turn: with `n_jobs` jobs, of which `n_due` will be made due. `size` where it is not ours."""

    kind: type[Contender]
    measure: Measure
    n_jobs: int = 0
    n_due: int = 0
    size: str = ""

    @property
    def name(self) -> str:
        return f"{self.kind.name}, {self.size}" if self.size else self.kind.name

    @property
    def n_filled(self) -> int:
        """Jobs that are there before any is made due."""
        return self.n_jobs - (self.n_due if self.kind.adds_due_jobs else 0)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measurement of ours at one size, and who stands beside it; `not_run` says why somebody does not."""

    part: str
    rows: str
    name: str
    size: str
    ours: Turn | str
    peers: tuple[Turn, ...] = ()
    not_run: dict[str, str] = field(default_factory=dict)
