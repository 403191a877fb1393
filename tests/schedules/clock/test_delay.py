"""A delay schedules its first run by itself, and each later run a fixed time after the end of the run before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schedules.clock.anchors import anchored, first_mark
from schedules.clock.delay import due_instants, next_after_run, next_due
from schedules.clock.describe import describe, warnings
from schedules.clock.occurrences import next_after, occurrences
from schedules.clock.preview import preview
from schedules.clock.reading.schedule import parse
from schedules.clock.spec import ScheduleSpec
from schedules.clock.zones.clock_changes import dst_changes

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)
MINUTE, TICK = timedelta(minutes=1), timedelta(microseconds=1)


def spec(**data: object) -> ScheduleSpec:
    return parse({"delay": "15m"} | data, min_interval=timedelta(seconds=1))


def test_the_first_instant_of_a_delay_is_start_at_or_the_creation_of_the_job() -> None:
    mark_at = first_mark(spec(), NOW)
    assert next_after(spec(), mark_at) == NOW
    assert next_after(anchored(spec(start_at="2027-02-01T00:00Z"), NOW), mark_at) == datetime(2027, 2, 1, tzinfo=UTC)
    assert next_after(spec(start_at="2026-02-01T00:00Z"), mark_at) == NOW
    assert next_after(spec(end_at="2027-01-01T11:59Z"), mark_at) is None


def test_the_next_instant_lies_one_delay_after_the_end_of_the_run() -> None:
    assert next_after_run(spec(), NOW, NOW - MINUTE) == NOW + 15 * MINUTE
    assert next_after_run(spec(start_at="2027-02-01T00:00Z"), NOW, NOW) == datetime(2027, 2, 1, tzinfo=UTC)
    assert next_after_run(spec(end_at="2027-01-01T12:15Z"), NOW, NOW) == NOW + 15 * MINUTE
    assert next_after_run(spec(end_at="2027-01-01T12:14:59Z"), NOW, NOW) is None


def test_a_run_end_from_a_slow_clock_gives_no_instant_before_the_mark() -> None:
    assert next_after_run(spec(), NOW - timedelta(hours=1), NOW) == NOW + 15 * MINUTE


def test_an_occurrence_that_started_no_run_is_followed_one_delay_after_the_mark() -> None:
    assert next_due(spec(), NOW) == NOW + 15 * MINUTE
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
    assert list(due_instants(spec(), NOW, next_run_at, now)) == due


def test_other_kinds_are_due_at_each_occurrence_between_the_mark_and_now() -> None:
    cron = parse({"cron": "* * * * *"}, min_interval=MINUTE)
    found = list(due_instants(cron, NOW, None, NOW + 3 * MINUTE))
    assert found == list(occurrences(cron, NOW, NOW + 3 * MINUTE))


def test_the_preview_of_a_delay_shows_its_first_instant_and_a_warning() -> None:
    assert [fire.at for fire in preview(spec(), first_mark(spec(), NOW), 10)] == [NOW]
    assert warnings(spec(), NOW) == [
        "Only its first time is known in advance: each later run comes 15 minutes after the previous run has ended."
    ]
    assert dst_changes(spec(timezone="Europe/Paris"), NOW, NOW + timedelta(days=365)) == []


def test_a_delay_is_described_in_words() -> None:
    assert describe(spec()) == "15 minutes after the previous run has ended"
    assert describe(spec(max_runs=3)) == "15 minutes after the previous run has ended, at most 3 times"
