"""Pure: overlap policies. What happens to an occurrence while the job has live runs.

A policy is a function of the live runs to a `Decision`, and a line in `POLICIES`. `LiveRuns.after` says what a decision
means for the next occurrence. The six policies are those of Temporal's schedules.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from executions.states import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BUFFERED_RUNS = 1000  # held runs of one job: more would hide that the job cannot keep up


class Overlap(StrEnum):
    SKIP = "skip"  # the occurrence does not start
    BUFFER_ONE = "buffer_one"  # one run waits until the others have ended; further ones do not start
    BUFFER_ALL = "buffer_all"  # each run waits for those before it
    CANCEL_OTHER = "cancel_other"  # the live runs get a stop request; the new run starts when they have ended
    TERMINATE_OTHER = "terminate_other"  # the live runs end at once, and the new run starts
    ALLOW = "allow"  # the new run starts too


class Stop(StrEnum):
    """What happens to the live runs that a new run replaces."""

    CANCEL = "cancel"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to an occurrence: it starts, is held until other runs have ended, or does not start (`reason`)."""

    reason: Reason | None = None
    is_held: bool = False
    stops: Stop | None = None


@dataclass(frozen=True, slots=True)
class LiveRuns:
    """The number of a job's live runs when an occurrence is due. False if there are none."""

    n_active: int = 0  # live and not held
    n_held: int = 0

    def after(self, decision: Decision) -> LiveRuns:
        """Return the live runs once this decision is applied."""
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
    """Return what happens to an occurrence that is due now."""
    return POLICIES[policy](live_runs)


@dataclass(slots=True)
class OverlapPass:
    """Decides, in order, on a job's occurrences that are due in one pass. Each decision considers the earlier ones.

    `before`: the live runs when the pass began. `stops`: what happens to these live runs.
    """

    policy: Overlap
    before: LiveRuns
    decisions: list[Decision] = field(default_factory=list)
    stops: Stop | None = None
    live_runs: LiveRuns = field(init=False)

    def __post_init__(self) -> None:
        self.live_runs = self.before

    @property
    def n_started(self) -> int:
        """Number of occurrences that start or are held."""
        return sum(not decision.reason for decision in self.decisions)

    def add(self, reason: Reason | None = None, policy: Overlap | None = None) -> Decision:
        """Decide on the next occurrence. `reason`: why it does not start, if known. `policy`: instead of the job's."""
        chosen = policy or self.policy
        decision = Decision(reason) if reason else decide(chosen, self.live_runs)
        if decision.stops:
            # The decision would stop runs of this pass. Skip those instead, and decide again as if this were the first.
            self.decisions = [replace(earlier, reason=earlier.reason or Reason.OVERLAP) for earlier in self.decisions]
            self.live_runs, decision = self.before, decide(chosen, self.before)
            self.stops = decision.stops
        self.live_runs = self.live_runs.after(decision)
        self.decisions.append(decision)
        return decision
