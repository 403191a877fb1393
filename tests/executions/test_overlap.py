"""Overlap policies."""

from __future__ import annotations

import pytest

from executions.overlap import POLICIES, Decision, Overlap, decide


def test_every_policy_has_its_function_and_starts_where_nothing_is_live() -> None:
    assert set(POLICIES) == set(Overlap)
    assert {decide(policy, 0) for policy in Overlap} == {Decision.START}


@pytest.mark.parametrize(("policy", "decision"), [(Overlap.SKIP, Decision.SKIP), (Overlap.ALLOW, Decision.START)])
def test_beside_a_live_run_the_policy_decides(policy: Overlap, decision: Decision) -> None:
    assert decide(policy, 1) is decide(policy, 7) is decision
