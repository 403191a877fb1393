"""Each catch-up policy starts the right missed occurrences, in one pass and over several passes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.clock.policies.catch_up import CatchUp, CatchUpLimits, OtherPasses, Verdict, decide_catch_up

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GRACE, MAX_AGE = timedelta(seconds=5), timedelta(hours=1)


def verdicts(
    policy: CatchUp, *ages: float, max_runs: int = 1000, max_age: timedelta = MAX_AGE, **others: Any
) -> list[str]:
    """Return the verdicts for occurrences of these ages (seconds), oldest first."""
    due = [NOW - timedelta(seconds=age) for age in ages]
    limits = CatchUpLimits(GRACE, max_age, max_runs)
    return [verdict.value for verdict in decide_catch_up(policy, due, NOW, limits, OtherPasses(**others))]


@pytest.mark.parametrize("policy", list(CatchUp))
def test_every_policy_runs_occurrences_on_time_and_drops_those_past_max_age(policy: CatchUp) -> None:
    assert verdicts(policy, 5, 1, 0) == ["run"] * 3
    assert verdicts(policy, 9000, 3601) == ["missed"] * 2


def test_an_occurrence_exactly_as_old_as_max_age_still_runs() -> None:
    assert verdicts(CatchUp.ALL, 3600) == ["run"]


@pytest.mark.parametrize("policy", list(CatchUp))
def test_an_occurrence_within_the_grace_runs_even_if_max_age_is_shorter(policy: CatchUp) -> None:
    assert verdicts(policy, 6, 3, 1, max_age=timedelta(seconds=2)) == ["missed", "run", "run"]


def test_skip_drops_every_missed_occurrence() -> None:
    assert verdicts(CatchUp.SKIP, 120, 60, 1) == ["missed", "missed", "run"]


def test_last_runs_the_latest_missed_occurrence_unless_a_later_one_is_due() -> None:
    assert verdicts(CatchUp.LAST, 7200, 120, 60) == ["missed", "coalesced", "run"]
    assert verdicts(CatchUp.LAST, 120, 60, 1) == ["coalesced", "coalesced", "run"]
    assert verdicts(CatchUp.LAST, 120, 60, has_more_due=True) == ["coalesced", "coalesced"]


def test_first_runs_the_earliest_occurrence_within_max_age_once_per_outage() -> None:
    assert verdicts(CatchUp.FIRST, 7200, 120, 60, 1) == ["missed", "run", "coalesced", "run"]
    assert verdicts(CatchUp.FIRST, 120, 60, has_more_due=True) == ["run", "coalesced"]
    assert verdicts(CatchUp.FIRST, 120, 60, 1, has_begun=True) == ["coalesced", "coalesced", "run"]


def test_all_runs_every_missed_occurrence_within_max_age() -> None:
    assert verdicts(CatchUp.ALL, 7200, 120, 60, 1) == ["missed", "run", "run", "run"]


def test_all_runs_only_the_latest_max_runs_missed_occurrences() -> None:
    assert verdicts(CatchUp.ALL, 180, 120, 60, 1, max_runs=2) == ["missed", "run", "run", "run"]
    assert verdicts(CatchUp.ALL, 180, 120, 60, max_runs=2, has_more_due=True, n_missed_later=1) == [
        "missed",
        "missed",
        "run",
    ]
    assert verdicts(CatchUp.ALL, 180, 120, 60, max_runs=2, has_more_due=True, n_missed_later=2) == ["missed"] * 3


@given(st.integers(1, 12), st.integers(1, 40), st.integers(0, 30))
def test_all_starts_the_same_runs_however_many_passes_an_outage_takes(size: int, n_missed: int, n_extra: int) -> None:
    max_runs = n_extra + 1
    # All older than the grace of 5 seconds and younger than an hour: missed, and open to the policy.
    ages = [10.0 + age for age in range(n_missed, 0, -1)]
    whole = verdicts(CatchUp.ALL, *ages, max_runs=max_runs)
    assert whole == ["missed"] * (n_missed - max_runs) + ["run"] * min(n_missed, max_runs)
    passes: list[str] = []
    while len(passes) < n_missed:
        chunk, left = ages[len(passes) : len(passes) + size], n_missed - len(passes) - size
        passes += verdicts(
            CatchUp.ALL, *chunk, max_runs=max_runs, has_more_due=left > 0, n_missed_later=min(max(left, 0), max_runs)
        )
    assert passes == whole


@given(st.sampled_from(CatchUp), st.lists(st.floats(0, 10_000), max_size=20), st.booleans(), st.booleans())
def test_every_occurrence_gets_a_verdict_and_each_on_time_one_runs(
    policy: CatchUp, ages: list[float], has_more_due: bool, has_begun: bool
) -> None:
    ages.sort(reverse=True)
    found = verdicts(policy, *ages, has_more_due=has_more_due, has_begun=has_begun)
    assert len(found) == len(ages)
    # 4.9 seconds, not the grace of 5: rounding a float age to microseconds may move it across the limit.
    assert all(verdict == Verdict.RUN for verdict, age in zip(found, ages, strict=True) if age <= 4.9)
