"""Overlap policies: what becomes of an occurrence while earlier runs of its job are live. Pure.

A policy is one function of the number of live runs, and a line in `POLICIES`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Overlap(StrEnum):
    SKIP = "skip"
    ALLOW = "allow"


class Decision(StrEnum):
    START = "start"
    SKIP = "skip"


def _skip(n_live: int) -> Decision:
    return Decision.SKIP if n_live else Decision.START


def _allow(n_live: int) -> Decision:
    return Decision.START


POLICIES: dict[Overlap, Callable[[int], Decision]] = {Overlap.SKIP: _skip, Overlap.ALLOW: _allow}


def decide(policy: Overlap, n_live: int) -> Decision:
    """Return what becomes of an occurrence that is due while `n_live` runs of its job are not over."""
    return POLICIES[policy](n_live)
