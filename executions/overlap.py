"""Overlap policies: what becomes of an occurrence while earlier runs of its job go on. Pure.

A policy is one function of what goes on, and a line in `POLICIES`. What a policy may decide stands in `Decision`, and
what that leads to for the next occurrence in `GoingOn.after`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from executions.states import Reason

if TYPE_CHECKING:
    from collections.abc import Callable


class Overlap(StrEnum):
    SKIP = "skip"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of an occurrence: it starts, unless there is a reason not to."""

    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class GoingOn:
    """What goes on of a job when an occurrence of it is due."""

    n_live: int  # runs that are not over

    def after(self, decision: Decision) -> GoingOn:
        """Return what goes on once this is done."""
        return self if decision.reason else replace(self, n_live=self.n_live + 1)


START = Decision()


def _skip(going_on: GoingOn) -> Decision:
    return Decision(Reason.OVERLAP) if going_on.n_live else START


def _allow(going_on: GoingOn) -> Decision:
    return START


POLICIES: dict[Overlap, Callable[[GoingOn], Decision]] = {Overlap.SKIP: _skip, Overlap.ALLOW: _allow}


def decide(policy: Overlap, going_on: GoingOn) -> Decision:
    """Return what becomes of an occurrence that is due just now."""
    return POLICIES[policy](going_on)
