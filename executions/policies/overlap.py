"""Overlap policies: what becomes of an occurrence while earlier runs of its job go on. Pure.

A policy is one function of what goes on, and a line in `POLICIES`. What a policy may decide stands in `Decision`, and
what that leads to for the next occurrence in `GoingOn.after`. The six are those of Temporal's schedules.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from executions.states import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_BUFFERED = 1000  # runs of one job


class Overlap(StrEnum):
    SKIP = "skip"  # the occurrence does not start
    BUFFER_ONE = "buffer_one"  # one waits until the others are over, further ones do not start
    BUFFER_ALL = "buffer_all"  # each waits for those before it
    CANCEL_OTHER = "cancel_other"  # the others are asked to stop, and it starts when they have
    TERMINATE_OTHER = "terminate_other"  # the others are over at once, whatever they do, and it starts
    ALLOW = "allow"  # it starts beside them


class Stop(StrEnum):
    """What is done to the runs that go on."""

    CANCEL = "cancel"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of an occurrence: it starts, unless there is a reason not to, or it is held until others are over."""

    reason: Reason | None = None
    is_held: bool = False
    stops: Stop | None = None


@dataclass(frozen=True, slots=True)
class GoingOn:
    """What goes on of a job when an occurrence of it is due."""

    n_active: int = 0  # runs that are not over, and not held
    n_held: int = 0

    def after(self, decision: Decision) -> GoingOn:
        """Return what goes on once this is done."""
        if decision.reason:
            return self
        if decision.stops is Stop.TERMINATE:
            return GoingOn(n_active=1)
        if decision.stops is Stop.CANCEL:
            return GoingOn(self.n_active, n_held=1)
        if decision.is_held:
            return replace(self, n_held=self.n_held + 1)
        return replace(self, n_active=self.n_active + 1)

    def __bool__(self) -> bool:
        return bool(self.n_active or self.n_held)


START, HOLD = Decision(), Decision(is_held=True)


def _skip(going_on: GoingOn) -> Decision:
    return Decision(Reason.OVERLAP) if going_on else START


def _buffer_one(going_on: GoingOn) -> Decision:
    if not going_on:
        return START
    return Decision(Reason.OVERLAP) if going_on.n_held else HOLD


def _buffer_all(going_on: GoingOn) -> Decision:
    if not going_on:
        return START
    return HOLD if going_on.n_held < MOST_BUFFERED else Decision(Reason.OVER_LIMIT)


def _cancel_other(going_on: GoingOn) -> Decision:
    return Decision(is_held=True, stops=Stop.CANCEL) if going_on else START


def _terminate_other(going_on: GoingOn) -> Decision:
    return Decision(stops=Stop.TERMINATE) if going_on else START


def _allow(going_on: GoingOn) -> Decision:
    return START


POLICIES: dict[Overlap, Callable[[GoingOn], Decision]] = {
    Overlap.SKIP: _skip,
    Overlap.BUFFER_ONE: _buffer_one,
    Overlap.BUFFER_ALL: _buffer_all,
    Overlap.CANCEL_OTHER: _cancel_other,
    Overlap.TERMINATE_OTHER: _terminate_other,
    Overlap.ALLOW: _allow,
}


def decide(policy: Overlap, going_on: GoingOn) -> Decision:
    """Return what becomes of an occurrence that is due just now."""
    return POLICIES[policy](going_on)


@dataclass(slots=True)
class Together:
    """Decisions on several runs of a job that are due in one pass, each of which minds those before it."""

    policy: Overlap
    before: GoingOn
    decisions: list[Decision] = field(default_factory=list)
    stops: Stop | None = None  # what is done to the runs that went on before
    going_on: GoingOn = field(init=False)

    def __post_init__(self) -> None:
        self.going_on = self.before

    @property
    def n_started(self) -> int:
        return sum(not made.reason for made in self.decisions)

    def add(self, reason: Reason | None = None, policy: Overlap | None = None) -> Decision:
        """Decide upon one more, by another policy where one is given; with a reason, it is clear that it does not start."""
        decision = Decision(reason) if reason else decide(policy or self.policy, self.going_on)
        if decision.stops:
            # What it would stop of this very pass does not begin in the first place.
            self.decisions = [replace(made, reason=made.reason or Reason.OVERLAP) for made in self.decisions]
            self.going_on, decision = self.before, decide(self.policy, self.before)
            self.stops = decision.stops
        self.going_on = self.going_on.after(decision)
        self.decisions.append(decision)
        return decision
