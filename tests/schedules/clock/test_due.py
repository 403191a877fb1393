"""The instants that are due lie between the mark and now; a delay has at most one, its `next_run_at`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schedules.clock.due import due_instants, next_due
from schedules.clock.occurrences import occurrences
from schedules.clock.reading.schedule import parse

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)
MINUTE, TICK = timedelta(minutes=1), timedelta(microseconds=1)
DELAY = parse({"delay": "15m"}, min_interval=timedelta(seconds=1))


def test_an_occurrence_that_started_no_run_is_followed_one_delay_after_the_mark() -> None:
    assert next_due(DELAY, NOW) == NOW + 15 * MINUTE
    assert next_due(parse({"cron": "0 * * * *"}, min_interval=MINUTE), NOW) == NOW + 60 * MINUTE


@pytest.mark.parametrize(
    ("next_run_at", "now", "due"),
    [
        (None, NOW + MINUTE, []),
        (NOW + MINUTE, NOW, []),
        (NOW + MINUTE, NOW + MINUTE, [NOW + MINUTE]),
        # An outage of days still leaves one instant: the next one depends on the run of this one.
        (NOW + MINUTE, NOW + timedelta(days=9), [NOW + MINUTE]),
        # The mark is NOW too, and everything up to the mark is decided.
        (NOW, NOW + MINUTE, [NOW + TICK]),
        (NOW, NOW, []),
    ],
)
def test_a_delay_has_at_most_one_due_instant_and_it_lies_after_the_mark(
    next_run_at: datetime | None, now: datetime, due: list[datetime]
) -> None:
    assert list(due_instants(DELAY, NOW, next_run_at, now)) == due


def test_other_kinds_are_due_at_each_occurrence_between_the_mark_and_now() -> None:
    cron = parse({"cron": "* * * * *"}, min_interval=MINUTE)
    found = list(due_instants(cron, NOW, None, NOW + 3 * MINUTE))
    assert found == list(occurrences(cron, NOW, NOW + 3 * MINUTE))
