"""Proves the maths of rate limits, and which limits are valid."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from executions.policies.limits import ConcurrencyLimit, Priority, RateLimit, admit_at
from tests.factories import NOW

if TYPE_CHECKING:
    from datetime import datetime

SECOND = timedelta(seconds=1)


def starts(rate: RateLimit, n_runs: int, arrives_at: datetime | None = None) -> list[float]:
    """Return when `n_runs` that arrive at once may start, in seconds from their arrival."""
    found = []
    for _ in range(n_runs):
        may_at, _ = admit_at(rate, arrives_at, NOW)
        _, arrives_at = admit_at(rate, arrives_at, may_at)
        found.append((may_at - NOW).total_seconds())
    return found


def test_starts_are_evenly_spaced_after_an_initial_burst() -> None:
    assert starts(RateLimit(limit=6, per=timedelta(minutes=1)), 3) == [0, 10, 20]
    assert starts(RateLimit(limit=6, per=timedelta(minutes=1), burst=3), 5) == [0, 0, 0, 10, 20]


def test_an_unused_key_saves_up_no_more_than_its_burst() -> None:
    rate = RateLimit(limit=6, per=timedelta(minutes=1), burst=3)
    assert starts(rate, 5, arrives_at=NOW - timedelta(hours=1)) == starts(rate, 5) == [0, 0, 0, 10, 20]


@given(limit=st.integers(1, 50), burst=st.integers(1, 10), n_runs=st.integers(1, 120))
def test_no_period_has_more_starts_than_the_limit_plus_the_burst(limit: int, burst: int, n_runs: int) -> None:
    found = starts(RateLimit(limit=limit, per=timedelta(minutes=1), burst=burst), n_runs)
    assert found == sorted(found)
    for first in found:
        assert sum(first <= at < first + 60 - 1e-3 for at in found) <= limit + burst - 1


@pytest.mark.parametrize(
    "given",
    [{"limit": 0}, {"limit": True}, {"limit": 1, "key": ""}, {"limit": 1, "key": " a"}, {"limit": 1, "key": "a\n"}]
    + [{"limit": 1, "key": "k" * 201}, {"limit": 1, "beyond": "drop"}, {"limit": 1, "more": 1}],
)
def test_invalid_limits_are_rejected(given: dict[str, object]) -> None:
    for kind in (ConcurrencyLimit, RateLimit):
        with pytest.raises(ValidationError):
            kind.model_validate(given)


@pytest.mark.parametrize("per", ["0s", "500ms", "32d"])
def test_a_period_outside_its_range_is_rejected(per: str) -> None:
    with pytest.raises(ValidationError, match="between 1s and 31d"):
        RateLimit.model_validate({"limit": 1, "per": per})


def test_priority_ranks_ascend_from_low_to_critical() -> None:
    assert [priority.rank for priority in Priority] == [0, 1, 2, 3]
