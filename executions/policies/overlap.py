"""Pure: overlap policies, which decide what happens to an occurrence while the job has live runs.

Each policy is a function in `POLICIES` that maps `LiveRuns` to a `Decision`. The next occurrence is decided with the
`LiveRuns` that `LiveRuns.after` returns. The six policies are the overlap policies of Temporal's schedules.
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
    SKIP = "skip"  # the occurrence is skipped
    BUFFER_ONE = "buffer_one"  # one run is held until the live runs have ended; further occurrences are skipped
    BUFFER_ALL = "buffer_all"  # each run is held until the earlier runs have ended; up to MAX_BUFFERED_RUNS are held
    CANCEL_OTHER = "cancel_other"  # the live runs are cancelled; the new run starts when they have ended
    TERMINATE_OTHER = "terminate_other"  # the live runs are cancelled immediately, and the new run starts
    ALLOW = "allow"  # the new run starts, in addition to the live runs


class Stop(StrEnum):
    """What happens to the live runs that a new run replaces."""

    CANCEL = "cancel"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to an occurrence: it is skipped (`reason`), it is held until the live runs have ended, or it starts.

    `stops`: what happens to the live runs; None to leave them unchanged.
    """

    reason: Reason | None = None
    is_held: bool = False
    stops: Stop | None = None


@dataclass(frozen=True, slots=True)
class LiveRuns:
    """How many live runs a job has when an occurrence is due. Falsy if there are none."""

    n_active: int = 0  # live and not held
    n_held: int = 0

    def after(self, decision: Decision) -> LiveRuns:
        """Return the live runs after this decision has been applied."""
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
    """Return the policy's decision on an occurrence that is due now."""
    return POLICIES[policy](live_runs)


@dataclass(slots=True)
class OverlapPass:
    """The decisions on a job's occurrences in one pass, in order. Each decision depends on the earlier decisions.

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
        """Decide on the next occurrence, and return the decision.

        `reason`: skip the occurrence for this reason. `policy`: use this policy instead of the job's policy. If the
        decision stops live runs, none of the occurrences that this pass decided before starts: they become skipped.
        """
        chosen = policy or self.policy
        decision = Decision(reason) if reason else decide(chosen, self.live_runs)
        if decision.stops:
            # The decision would stop runs that start in this pass. Skip these runs instead, and decide again as if
            # this occurrence were the first of the pass.
            self.decisions = [replace(earlier, reason=earlier.reason or Reason.OVERLAP) for earlier in self.decisions]
            self.live_runs, decision = self.before, decide(chosen, self.before)
            self.stops = decision.stops
        self.live_runs = self.live_runs.after(decision)
        self.decisions.append(decision)
        return decision
