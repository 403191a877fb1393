"""Overlap policies: what becomes of an occurrence while earlier runs of its job go on. Pure.

A policy is one function of what goes on, and a line in `POLICIES`. What a policy may decide stands in `Decision`, and
what that leads to for the next occurrence in `LiveRuns.after`. The six are those of Temporal's schedules.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from executions.states import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BUFFERED_RUNS = 1000  # runs of one job


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
class LiveRuns:
    """What goes on of a job when an occurrence of it is due."""

    n_active: int = 0  # runs that are not over, and not held
    n_held: int = 0

    def after(self, decision: Decision) -> LiveRuns:
        """Return what goes on once this is done."""
        if decision.reason:
            return self
        if decision.stops is Stop.TERMINATE:
            return LiveRuns(n_active=1)
        if decision.stops is Stop.CANCEL:
            return LiveRuns(self.n_active, n_held=1)
        if decision.is_held:
            return replace(self, n_held=self.n_held + 1)
        return replace(self, n_active=self.n_active + 1)

    def __bool__(self) -> bool:
        return bool(self.n_active or self.n_held)


START, HOLD = Decision(), Decision(is_held=True)


def _skip(live_runs: LiveRuns) -> Decision:
    return Decision(Reason.OVERLAP) if live_runs else START


def _buffer_one(live_runs: LiveRuns) -> Decision:
    if not live_runs:
        return START
    return Decision(Reason.OVERLAP) if live_runs.n_held else HOLD


def _buffer_all(live_runs: LiveRuns) -> Decision:
    if not live_runs:
        return START
    return HOLD if live_runs.n_held < MAX_BUFFERED_RUNS else Decision(Reason.OVER_LIMIT)


def _cancel_other(live_runs: LiveRuns) -> Decision:
    return Decision(is_held=True, stops=Stop.CANCEL) if live_runs else START


def _terminate_other(live_runs: LiveRuns) -> Decision:
    return Decision(stops=Stop.TERMINATE) if live_runs else START


def _allow(live_runs: LiveRuns) -> Decision:
    return START


POLICIES: dict[Overlap, Callable[[LiveRuns], Decision]] = {
    Overlap.SKIP: _skip,
    Overlap.BUFFER_ONE: _buffer_one,
    Overlap.BUFFER_ALL: _buffer_all,
    Overlap.CANCEL_OTHER: _cancel_other,
    Overlap.TERMINATE_OTHER: _terminate_other,
    Overlap.ALLOW: _allow,
}


def decide(policy: Overlap, live_runs: LiveRuns) -> Decision:
    """Return what becomes of an occurrence that is due just now."""
    return POLICIES[policy](live_runs)


@dataclass(slots=True)
class OverlapPass:
    """Decisions on several runs of a job that are due in one pass, each of which minds those before it."""

    policy: Overlap
    before: LiveRuns
    decisions: list[Decision] = field(default_factory=list)
    stops: Stop | None = None  # what is done to the runs that went on before
    live_runs: LiveRuns = field(init=False)

    def __post_init__(self) -> None:
        self.live_runs = self.before

    @property
    def n_started(self) -> int:
        return sum(not made.reason for made in self.decisions)

    def add(self, reason: Reason | None = None, policy: Overlap | None = None) -> Decision:
        """Decide upon one more, by another policy where one is given; with a reason, it is clear that it does not start."""
        decision = Decision(reason) if reason else decide(policy or self.policy, self.live_runs)
        if decision.stops:
            # What it would stop of this very pass does not begin in the first place.
            self.decisions = [replace(made, reason=made.reason or Reason.OVERLAP) for made in self.decisions]
            self.live_runs, decision = self.before, decide(self.policy, self.before)
            self.stops = decision.stops
        self.live_runs = self.live_runs.after(decision)
        self.decisions.append(decision)
        return decision
