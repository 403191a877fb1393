"""Proves how many runs a worker claims together, by how long the last batch took."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executions.worker.runner import CLAIM_AHEAD_TIME, MAX_GROWTH, BatchSize

MILLISECOND = timedelta(milliseconds=1)


def sized(size: int) -> BatchSize:
    made = BatchSize()
    made.size = size
    return made


@pytest.mark.parametrize(
    ("size", "n_runs", "milliseconds", "following"),
    [
        (1, 1, 50, 1),
        (1, 1, 25, 2),
        (10, 10, 50, 10),
        (10, 10, 100, 5),
        (10, 10, 51, 9),
        (1, 1, 0, MAX_GROWTH),
        (10, 10, 0.1, 10 * MAX_GROWTH),
        (10, 10, 60_000, 1),
        (10, 0, 5, 10),
        (10, 0, 500, 1),
        (10, 2, 10, 10),
    ],
    ids=[
        "as expected", "twice as quick", "unchanged", "twice as slow", "a little slow", "no time at all", "very quick",
        "very slow", "nothing claimed, quickly", "nothing claimed, slowly", "few of the claims",
    ],
)  # fmt: skip
def test_the_next_batch_takes_about_the_time_that_is_claimed_ahead(
    size: int, n_runs: int, milliseconds: float, following: int
) -> None:
    batch = sized(size)

    assert batch.after(n_runs, milliseconds * MILLISECOND) == batch.size == following


def test_a_process_begins_with_single_runs() -> None:
    assert BatchSize().size == 1


@settings(max_examples=100)
@given(st.integers(1, 1000), st.integers(0, 1000), st.timedeltas(timedelta(0), timedelta(hours=1)))
def test_a_batch_is_never_empty_and_never_grows_too_fast(size: int, n_runs: int, took: timedelta) -> None:
    following = sized(size).after(n_runs, took)

    assert 1 <= following <= MAX_GROWTH * size
    if n_runs and following > 1:
        assert following * (took / n_runs) <= CLAIM_AHEAD_TIME + following * timedelta(microseconds=1)
