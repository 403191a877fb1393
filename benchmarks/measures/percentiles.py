"""Percentiles of measured values, and the figures made of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchmarks.table import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """Return the percentile by the nearest-rank method.

    It is the smallest value such that at least `share` (0 to 1) of all values are less than or equal to it.
    """
    return sorted(values)[max(math.ceil(len(values) * share) - 1, 0)]


def percentile_figures(what: str, values: Sequence[float], unit: str, *shares: int) -> list[Figure]:
    """Return a figure for each percentile in `shares` (default 50, 99, 100; 100 is the maximum).

    `values` are in seconds if `unit` is "ms", else in `unit`.
    """
    scale = 1000 if unit == "ms" else 1
    return [
        Figure(f"{what}, {'max' if share == 100 else f'p{share}'}", percentile(values, share / 100) * scale, unit)
        for share in shares or (50, 99, 100)
    ]
