"""A resume starts the occurrences that its policy names, and finds the last ones without computing the whole pause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from executions.policies.overlap import MAX_BUFFERED_RUNS
from schedules.clock.policies.resumption import (
    MAX_STARTS,
    Resumption,
    count_occurrences,
    last_occurrences,
    starting_range,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

START, MINUTE, YEAR = datetime(2027, 1, 1, tzinfo=UTC), timedelta(minutes=1), timedelta(days=365)


def each_minute(after: datetime, until: datetime) -> Iterator[datetime]:
    at = START + ((after - START) // MINUTE + 1) * MINUTE
    while at <= until:
        yield at
        at += MINUTE


def test_a_resume_starts_no_more_runs_than_may_wait_for_each_other() -> None:
    assert MAX_STARTS == MAX_BUFFERED_RUNS


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Resumption.NONE, None),
        (Resumption.FIRST, (1, 1)),
        (Resumption.LAST, (60, 60)),
        (Resumption.ALL, (51, 60)),
    ],
)
def test_each_mode_starts_its_part_of_the_pause(mode: Resumption, expected: tuple[int, int] | None) -> None:
    found = starting_range(each_minute, START, START + 60 * MINUTE, mode, 10)
    assert found == (expected and (START + expected[0] * MINUTE, START + expected[1] * MINUTE))


@pytest.mark.parametrize("mode", list(Resumption))
def test_no_mode_starts_anything_of_a_pause_without_occurrences(mode: Resumption) -> None:
    assert starting_range(each_minute, START, START + MINUTE / 2, mode, 10) is None


def test_the_last_occurrences_of_a_long_pause_cost_a_few_times_their_number() -> None:
    computed: list[datetime] = []

    def recording(after: datetime, until: datetime) -> Iterator[datetime]:
        for at in each_minute(after, until):
            computed.append(at)
            yield at

    end = START + YEAR
    assert last_occurrences(recording, START, end, 10) == [end - n * MINUTE for n in range(9, -1, -1)]
    # The year has 525,600 occurrences. Windows of 1, 4 and 16 minutes find ten of them.
    assert len(computed) == 1 + 4 + 16


def test_occurrences_are_counted_up_to_one_more_than_the_limit() -> None:
    assert count_occurrences(each_minute, START, START + 5 * MINUTE, 5) == 5
    assert count_occurrences(each_minute, START, START + YEAR, 5) == 6
