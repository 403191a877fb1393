"""Percentiles, and the figures that tell how values are spread."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchmarks.table import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not below `share` of them all (nearest rank)."""
    return sorted(values)[max(math.ceil(len(values) * share) - 1, 0)]


def spread(what: str, values: Sequence[float], unit: str, *shares: int) -> list[Figure]:
    """Figures for these percentiles of values in seconds or in the given unit; 100 is the highest value."""
    scale = 1000 if unit == "ms" else 1
    return [
        Figure(f"{what}, {'max' if share == 100 else f'p{share}'}", percentile(values, share / 100) * scale, unit)
        for share in shares or (50, 99, 100)
    ]
