"""Overlap policies: may an occurrence start while an earlier run of its job is live? Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from executions.states import Reason

if TYPE_CHECKING:
    from collections.abc import Callable


class Overlap(StrEnum):
    SKIP = "skip"
    ALLOW = "allow"


def _skip(has_live: bool) -> Reason | None:
    return Reason.OVERLAP if has_live else None


def _allow(has_live: bool) -> Reason | None:
    return None


POLICIES: dict[Overlap, Callable[[bool], Reason | None]] = {Overlap.SKIP: _skip, Overlap.ALLOW: _allow}


def decide(policy: Overlap, *, has_live: bool) -> Reason | None:
    """Return None when the occurrence may start, else the reason why it may not."""
    return POLICIES[policy](has_live)
