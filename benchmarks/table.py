"""Renders figures as a Markdown table: Mainspring's and a peer's figure in each row, and their ratio."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HEADER = (
    "| # | Measure | Size | Mainspring | Peer | Peer's figure | Ratio |\n| --- | --- | --- | ---: | --- | ---: | ---: |"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value and its unit. Less is better unless `more_is_better`."""

    measure: str
    value: float
    unit: str
    more_is_better: bool = False

    def __str__(self) -> str:
        digits = 0 if abs(self.value) >= 100 else 1 if abs(self.value) >= 10 else 2
        return f"{self.value:,.{digits}f} {self.unit}"


Column = list[Figure] | str  # the figures of one contender, or the reason why there are none


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one measurement. `peers` maps a peer's name, with its size if it differs, to its figures."""

    part: str
    name: str
    size: str
    ours: Column
    peers: dict[str, Column] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether a contender failed; "not run" and "not installed" do not count as failures."""
        columns = (self.ours, *self.peers.values())
        return any(isinstance(column, str) and column.startswith("failed") for column in columns)


def render(results: Sequence[Result]) -> str:
    """Return the table. If a measurement failed, the reason replaces the value."""
    return "\n".join([HEADER, *(row for result in results for row in _rows(result))])


def _rows(result: Result) -> Iterator[str]:
    start = f"| {result.part}"
    if isinstance(result.ours, str):
        yield f"{start} | {result.name} | {result.size} | {result.ours} | | | |"
    for ours in _figures(result.ours):
        for peer, theirs, ratio in list(_beside(ours, result.peers)) or [("", "", "")]:
            yield f"{start} | {ours.measure} | {result.size} | {ours} | {peer} | {theirs} | {ratio} |"
    for peer, column in result.peers.items():
        if isinstance(column, str):
            yield f"{start} | {result.name} | {result.size} | | {peer} | {column} | |"
        elif isinstance(result.ours, str):
            for figure in column:
                yield f"{start} | {figure.measure} | {result.size} | | {peer} | {figure} | |"


def _beside(ours: Figure, peers: dict[str, Column]) -> Iterator[tuple[str, str, str]]:
    for name, column in peers.items():
        for figure in _figures(column):
            if figure.measure == ours.measure:
                yield name, str(figure), _ratio(ours, figure)


def _figures(column: Column) -> list[Figure]:
    return [] if isinstance(column, str) else column


def _ratio(ours: Figure, peer: Figure) -> str:
    """Return how many times better `ours` is, as a text; empty if a value is zero or negative."""
    above, below = (ours.value, peer.value) if ours.more_is_better else (peer.value, ours.value)
    if above <= 0 or below <= 0:
        return ""
    ratio = above / below
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2f}"
