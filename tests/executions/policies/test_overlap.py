"""Overlap policies."""

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


def test_every_policy_has_its_function_and_starts_where_nothing_goes_on() -> None:
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
def test_beside_what_goes_on_the_policy_decides(
    policy: Overlap, beside_active: Decision, beside_held: Decision
) -> None:
    assert decide(policy, LiveRuns(n_active=1)) == decide(policy, LiveRuns(n_active=7)) == beside_active
    assert decide(policy, LiveRuns(n_active=1, n_held=1)) == decide(policy, LiveRuns(n_held=1)) == beside_held


def test_a_buffer_has_an_end() -> None:
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
def test_what_goes_on_after_a_decision(decision: Decision, after: LiveRuns) -> None:
    assert LiveRuns(1, 1).after(decision) == after


@pytest.mark.parametrize("policy", [Overlap.CANCEL_OTHER, Overlap.TERMINATE_OTHER])
def test_what_is_stopped_of_the_same_pass_overlaps_and_what_would_not_have_started_keeps_its_reason(
    policy: Overlap,
) -> None:
    overlap_pass = OverlapPass(policy, LiveRuns())
    for reason in (Reason.PAUSED, Reason.MISSED, None, None):
        overlap_pass.add(reason)
    reasons = [made.reason for made in overlap_pass.decisions]
    assert reasons == [Reason.PAUSED, Reason.MISSED, Reason.OVERLAP, None]
