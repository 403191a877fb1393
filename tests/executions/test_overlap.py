"""Overlap policies."""

from __future__ import annotations

import pytest

from executions.overlap import POLICIES, START, Decision, GoingOn, Overlap, decide
from executions.states import Reason


def test_every_policy_has_its_function_and_starts_where_nothing_goes_on() -> None:
    assert set(POLICIES) == set(Overlap)
    assert {decide(policy, GoingOn(0)) for policy in Overlap} == {START}


@pytest.mark.parametrize(("policy", "decision"), [(Overlap.SKIP, Decision(Reason.OVERLAP)), (Overlap.ALLOW, START)])
def test_beside_a_live_run_the_policy_decides(policy: Overlap, decision: Decision) -> None:
    assert decide(policy, GoingOn(1)) == decide(policy, GoingOn(7)) == decision


def test_what_starts_goes_on_beside_the_next_occurrence_and_what_does_not_start_does_not() -> None:
    assert GoingOn(0).after(START) == GoingOn(1)
    assert GoingOn(1).after(Decision(Reason.PAUSED)) == GoingOn(1)
