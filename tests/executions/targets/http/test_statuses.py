from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from executions.targets.http.statuses import contains, describe, overlap

STATUS = st.integers(100, 599)
RANGE = st.tuples(STATUS, STATUS).map(lambda pair: f"{min(pair)}-{max(pair)}")
STATUSES = st.lists(STATUS | RANGE, max_size=4).map(tuple)


@given(STATUSES, STATUSES)
def test_the_overlap_is_the_lowest_status_that_is_in_both(
    ones: tuple[int | str, ...], others: tuple[int | str, ...]
) -> None:
    both = [status for status in range(100, 600) if contains(ones, status) and contains(others, status)]
    assert overlap(ones, others) == min(both, default=None)


def test_a_set_is_written_for_people() -> None:
    assert describe((200, "300-399")) == "200, 300-399"
    assert describe(()) == "none"
