"""Catch-up policies, on lists of instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.clock.policies.catch_up import Bounds, CatchUp, Rest, Verdict, judge

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GRACE, MAX_AGE = timedelta(seconds=5), timedelta(hours=1)


def verdicts(policy: CatchUp, *ages: float, most: int = 1000, max_age: timedelta = MAX_AGE, **rest: Any) -> list[str]:
    """What becomes of occurrences that are so many seconds old, oldest first."""
    due = [NOW - timedelta(seconds=age) for age in ages]
    return [verdict.value for verdict in judge(policy, due, NOW, Bounds(GRACE, max_age, most), Rest(**rest))]


@pytest.mark.parametrize("policy", list(CatchUp))
def test_what_is_on_time_runs_and_what_is_too_old_does_not(policy: CatchUp) -> None:
    assert verdicts(policy, 5, 1, 0) == ["run"] * 3
    assert verdicts(policy, 9000, 3601) == ["missed"] * 2


def test_what_is_just_as_old_as_the_maximum_age_is_caught_up_with() -> None:
    assert verdicts(CatchUp.ALL, 3600) == ["run"]


@pytest.mark.parametrize("policy", list(CatchUp))
def test_what_is_on_time_runs_though_the_maximum_age_is_less_than_the_grace(policy: CatchUp) -> None:
    assert verdicts(policy, 6, 3, 1, max_age=timedelta(seconds=2)) == ["missed", "run", "run"]


def test_skip_drops_what_was_missed() -> None:
    assert verdicts(CatchUp.SKIP, 120, 60, 1) == ["missed", "missed", "run"]


def test_last_runs_the_latest_once_unless_a_later_one_is_due() -> None:
    assert verdicts(CatchUp.LAST, 7200, 120, 60) == ["missed", "coalesced", "run"]
    assert verdicts(CatchUp.LAST, 120, 60, 1) == ["coalesced", "coalesced", "run"]
    assert verdicts(CatchUp.LAST, 120, 60, more=True) == ["coalesced", "coalesced"]


def test_first_runs_the_earliest_that_is_not_too_old_once_in_all_passes() -> None:
    assert verdicts(CatchUp.FIRST, 7200, 120, 60, 1) == ["missed", "run", "coalesced", "run"]
    assert verdicts(CatchUp.FIRST, 120, 60, more=True) == ["run", "coalesced"]
    assert verdicts(CatchUp.FIRST, 120, 60, 1, begun=True) == ["coalesced", "coalesced", "run"]


def test_all_runs_each() -> None:
    assert verdicts(CatchUp.ALL, 7200, 120, 60, 1) == ["missed", "run", "run", "run"]


def test_of_more_than_the_most_the_earlier_ones_are_missed() -> None:
    assert verdicts(CatchUp.ALL, 180, 120, 60, 1, most=2) == ["missed", "run", "run", "run"]
    assert verdicts(CatchUp.ALL, 180, 120, 60, most=2, more=True, n_missed=1) == ["missed", "missed", "run"]
    assert verdicts(CatchUp.ALL, 180, 120, 60, most=2, more=True, n_missed=2) == ["missed"] * 3


@given(st.integers(1, 12), st.integers(1, 40), st.integers(0, 30))
def test_the_number_that_runs_is_the_same_however_an_outage_is_cut_into_passes(
    size: int, n_missed: int, most: int
) -> None:
    most = most + 1
    ages = [10.0 + age for age in range(n_missed, 0, -1)]
    whole = verdicts(CatchUp.ALL, *ages, most=most)
    assert whole == ["missed"] * (n_missed - most) + ["run"] * min(n_missed, most)
    passes: list[str] = []
    while len(passes) < n_missed:
        chunk, left = ages[len(passes) : len(passes) + size], n_missed - len(passes) - size
        passes += verdicts(CatchUp.ALL, *chunk, most=most, more=left > 0, n_missed=min(max(left, 0), most))
    assert passes == whole


@given(st.sampled_from(CatchUp), st.lists(st.floats(0, 10_000), max_size=20), st.booleans(), st.booleans())
def test_every_instant_gets_a_verdict_and_none_that_is_on_time_is_lost(
    policy: CatchUp, ages: list[float], more: bool, begun: bool
) -> None:
    ages.sort(reverse=True)
    found = verdicts(policy, *ages, more=more, begun=begun)
    assert len(found) == len(ages)
    assert all(verdict == Verdict.RUN for verdict, age in zip(found, ages, strict=True) if age <= 4.9)
