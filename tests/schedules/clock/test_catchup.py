"""Catch-up policies, on lists of instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.clock.catchup import CatchUp, Verdict, judge

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GRACE, MAX_AGE = timedelta(seconds=5), timedelta(hours=1)


def verdicts(policy: CatchUp, *ages: float, more: bool = False) -> list[str]:
    """What becomes of occurrences that are so many seconds old, oldest first."""
    due = [NOW - timedelta(seconds=age) for age in ages]
    return [verdict.value for verdict in judge(policy, due, NOW, grace=GRACE, max_age=MAX_AGE, more=more)]


@pytest.mark.parametrize("policy", list(CatchUp))
def test_what_is_on_time_runs_and_what_is_too_old_does_not(policy: CatchUp) -> None:
    assert verdicts(policy, 5, 1, 0) == ["run"] * 3
    assert verdicts(policy, 9000, 3601) == ["missed"] * 2


def test_skip_drops_what_was_missed() -> None:
    assert verdicts(CatchUp.SKIP, 120, 60, 1) == ["missed", "missed", "run"]


def test_last_runs_the_latest_once_unless_a_later_one_is_due() -> None:
    assert verdicts(CatchUp.LAST, 7200, 120, 60) == ["missed", "coalesced", "run"]
    assert verdicts(CatchUp.LAST, 120, 60, 1) == ["coalesced", "coalesced", "run"]
    assert verdicts(CatchUp.LAST, 120, 60, more=True) == ["coalesced", "coalesced"]


def test_all_runs_each() -> None:
    assert verdicts(CatchUp.ALL, 7200, 120, 60, 1) == ["missed", "run", "run", "run"]


@given(st.sampled_from(CatchUp), st.lists(st.floats(0, 10_000), max_size=20), st.booleans())
def test_every_instant_gets_a_verdict_and_none_that_is_on_time_is_lost(
    policy: CatchUp, ages: list[float], more: bool
) -> None:
    ages.sort(reverse=True)
    found = verdicts(policy, *ages, more=more)
    assert len(found) == len(ages)
    assert all(verdict == Verdict.RUN for verdict, age in zip(found, ages, strict=True) if age <= 4.9)
