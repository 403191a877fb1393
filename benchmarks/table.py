"""From figures to one Markdown table: both contenders in a row, and how many times better ours is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HEADER = "| Measure | Size | Mainspring | django-celery-beat | Ratio |\n| --- | --- | ---: | ---: | ---: |"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value in its unit; less is better unless said otherwise."""

    measure: str
    value: float
    unit: str
    more_is_better: bool = False

    def __str__(self) -> str:
        digits = 0 if abs(self.value) >= 100 else 1 if abs(self.value) >= 10 else 2
        return f"{self.value:,.{digits}f} {self.unit}"


Column = list[Figure] | str  # the figures of one contender, or in a few words why there are none


@dataclass(frozen=True, slots=True)
class Result:
    """What one measurement at one size gave."""

    name: str
    size: str
    ours: Column
    peer: Column

    @property
    def failed(self) -> bool:
        """Whether one of the two has a reason that begins with "failed"."""
        return any(isinstance(column, str) and column.startswith("failed") for column in (self.ours, self.peer))


def render(results: Sequence[Result]) -> str:
    """The table; a failure stands where the value would."""
    return "\n".join([HEADER, *(row for result in results for row in _rows(result))])


def _rows(result: Result) -> Iterator[str]:
    columns = (result.ours, result.peer)
    measures = next(([figure.measure for figure in column] for column in columns if not isinstance(column, str)), None)
    for place, measure in enumerate(measures or [result.name]):
        ours, peer = (_cell(column, place) for column in columns)
        yield f"| {measure} | {result.size} | {ours} | {peer} | {_ratio(ours, peer)} |"


def _cell(column: Column, place: int) -> Figure | str:
    """The figure in this place; a reason for there being none is given in full in the first row only."""
    if isinstance(column, str):
        return column if place == 0 else column.partition(":")[0]
    return column[place]


def _ratio(ours: Figure | str, peer: Figure | str) -> str:
    """How many times better ours is: above 1 speaks for Mainspring, whichever way the unit goes."""
    if isinstance(ours, str) or isinstance(peer, str):
        return ""
    above, below = (ours.value, peer.value) if ours.more_is_better else (peer.value, ours.value)
    if above <= 0 or below <= 0:
        return ""
    ratio = above / below
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2f}"
