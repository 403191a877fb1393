"""A measurement: a group of rows in the table, with Mainspring's case and a case for each peer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.contenders.base import Contender

if TYPE_CHECKING:
    from benchmarks.table import Figure

Measure = Callable[[Any], "list[Figure]"]


@dataclass(frozen=True, slots=True)
class Case:
    """One contender with `n_jobs` jobs, of which `measure` makes `n_due` due.

    `size` is set if it differs from the size of Mainspring's case.
    """

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
        """The number of jobs to create before the measurement; some peers add the due jobs themselves."""
        return self.n_jobs - (self.n_due if self.kind.adds_due_jobs else 0)


@dataclass(frozen=True, slots=True)
class Measurement:
    """Mainspring's case at one size and the peers' cases; `not_run` maps a peer to the reason why it is not measured.

    `part` is the argument of `--only`; `rows` is the number in the table. `ours` is a note if nothing is measured.
    """

    part: str
    rows: str
    name: str
    size: str
    ours: Case | str
    peers: tuple[Case, ...] = ()
    not_run: dict[str, str] = field(default_factory=dict)
