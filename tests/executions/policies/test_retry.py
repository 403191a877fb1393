"""Proves the delays of retry policies."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.policies.retry import Backoff, RetryPolicy, next_retry_at
from tests.factories import NOW


def delays(policy: RetryPolicy, chance: float = 0.0) -> list[float]:
    """Return the delays in seconds after the first, second, ... failure, until no retry is left."""
    found: list[float] = []
    while (at := next_retry_at(policy, len(found) + 1, NOW, chance)) is not None:
        found.append((at - NOW).total_seconds())
    return found


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [
        (Backoff.FIXED, [5, 5, 5, 5]),
        (Backoff.LINEAR, [5, 10, 15, 20]),
        (Backoff.EXPONENTIAL, [5, 10, 20, 40]),
    ],
)
def test_each_backoff_has_its_delays(backoff: Backoff, expected: list[float]) -> None:
    assert delays(RetryPolicy(max_retries=4, backoff=backoff, jitter=False)) == expected


def test_no_delay_exceeds_max_delay() -> None:
    policy = RetryPolicy(max_retries=100, jitter=False, max_delay=timedelta(seconds=30))
    assert delays(policy) == [5, 10, 20, *[30] * 97]


def test_zero_retries_means_no_retry() -> None:
    assert delays(RetryPolicy(max_retries=0)) == []


@given(st.floats(0, 1, exclude_max=True))
def test_jittered_delays_stay_in_their_upper_half_and_grow(chance: float) -> None:
    jittered = delays(RetryPolicy(max_retries=6), chance)
    plain = delays(RetryPolicy(max_retries=6, jitter=False))
    assert all(full / 2 <= delay <= full for delay, full in zip(jittered, plain, strict=True))
    assert all(later > earlier for earlier, later in pairwise(jittered))
