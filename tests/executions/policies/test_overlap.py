"""Proves what each overlap policy decides, alone and for several occurrences of one pass."""

from __future__ import annotations

import pytest

from executions.policies.overlap import (
    HOLD,
    MAX_BUFFERED_RUNS,
    POLICIES,
    START,
    Decision,
    LiveRuns,
    Overlap,
    OverlapPass,
    Stop,
    decide,
)
from executions.states import Reason

NOT_NOW = Decision(Reason.OVERLAP)
CANCEL = Decision(is_held=True, stops=Stop.CANCEL)
TERMINATE = Decision(stops=Stop.TERMINATE)


def test_every_policy_starts_a_run_if_no_run_is_live() -> None:
    assert set(POLICIES) == set(Overlap)
    assert {decide(policy, LiveRuns()) for policy in Overlap} == {START}


@pytest.mark.parametrize(
    ("policy", "beside_active", "beside_held"),
    [
        (Overlap.SKIP, NOT_NOW, NOT_NOW),
        (Overlap.BUFFER_ONE, HOLD, NOT_NOW),
        (Overlap.BUFFER_ALL, HOLD, HOLD),
        (Overlap.CANCEL_OTHER, CANCEL, CANCEL),
        (Overlap.TERMINATE_OTHER, TERMINATE, TERMINATE),
        (Overlap.ALLOW, START, START),
    ],
)
def test_each_policy_decides_beside_live_runs(policy: Overlap, beside_active: Decision, beside_held: Decision) -> None:
    assert decide(policy, LiveRuns(n_active=1)) == decide(policy, LiveRuns(n_active=7)) == beside_active
    assert decide(policy, LiveRuns(n_active=1, n_held=1)) == decide(policy, LiveRuns(n_held=1)) == beside_held


def test_the_buffer_of_a_job_is_bounded() -> None:
    assert decide(Overlap.BUFFER_ALL, LiveRuns(1, MAX_BUFFERED_RUNS - 1)) == HOLD
    assert decide(Overlap.BUFFER_ALL, LiveRuns(1, MAX_BUFFERED_RUNS)) == Decision(Reason.OVER_LIMIT)


@pytest.mark.parametrize(
    ("decision", "after"),
    [
        (START, LiveRuns(2, 1)),
        (HOLD, LiveRuns(1, 2)),
        (NOT_NOW, LiveRuns(1, 1)),
        (CANCEL, LiveRuns(1, 1)),
        (TERMINATE, LiveRuns(1, 0)),
    ],
)
def test_live_runs_after_each_decision(decision: Decision, after: LiveRuns) -> None:
    assert LiveRuns(1, 1).after(decision) == after


def test_a_policy_given_for_one_occurrence_decides_instead_of_the_jobs_policy() -> None:
    overlap_pass = OverlapPass(Overlap.SKIP, LiveRuns(n_active=1))
    assert overlap_pass.add(policy=Overlap.TERMINATE_OTHER) == TERMINATE
    assert overlap_pass.stops is Stop.TERMINATE


@pytest.mark.parametrize("policy", [Overlap.CANCEL_OTHER, Overlap.TERMINATE_OTHER])
def test_runs_stopped_within_their_own_pass_are_recorded_as_overlap(
    policy: Overlap,
) -> None:
    overlap_pass = OverlapPass(policy, LiveRuns())
    for reason in (Reason.PAUSED, Reason.MISSED, None, None):
        overlap_pass.add(reason)
    reasons = [made.reason for made in overlap_pass.decisions]
    assert reasons == [Reason.PAUSED, Reason.MISSED, Reason.OVERLAP, None]
