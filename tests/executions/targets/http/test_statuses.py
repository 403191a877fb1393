"""Proves how sets of statuses overlap, are written, and are limited."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from executions.targets.http.statuses import MAX_STATUSES, Statuses, contains, describe, overlap

STATUS = st.integers(100, 599)
RANGE = st.tuples(STATUS, STATUS).map(lambda pair: f"{min(pair)}-{max(pair)}")
STATUSES = st.lists(STATUS | RANGE, max_size=4).map(tuple)


@given(STATUSES, STATUSES)
def test_the_overlap_is_the_lowest_status_that_is_in_both(
    ones: tuple[int | str, ...], others: tuple[int | str, ...]
) -> None:
    both = [status for status in range(100, 600) if contains(ones, status) and contains(others, status)]
    assert overlap(ones, others) == min(both, default=None)


def test_a_set_is_written_as_a_list() -> None:
    assert describe((200, "300-399")) == "200, 300-399"
    assert describe(()) == "none"


def test_too_many_statuses_are_one_error_however_many_are_wrong() -> None:
    adapter: TypeAdapter[tuple[int | str, ...]] = TypeAdapter(Statuses)

    assert len(adapter.validate_python([200] * MAX_STATUSES)) == MAX_STATUSES
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python([1] * (MAX_STATUSES + 1))
    assert caught.value.error_count() == 1
    assert adapter.json_schema()["maxItems"] == MAX_STATUSES
