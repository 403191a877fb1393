"""A delay schedules its first run by itself, and each later run a fixed time after the end of the run before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from schedules.clock.anchors import anchored, first_mark
from schedules.clock.delay import next_after_run
from schedules.clock.describe import describe
from schedules.clock.effort import NO_LIMIT
from schedules.clock.notes.warnings import warnings
from schedules.clock.occurrences import next_after
from schedules.clock.preview import bounded_preview
from schedules.clock.reading.schedule import parse
from schedules.clock.spec import ScheduleSpec
from schedules.clock.zones.clock_changes import dst_changes

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


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


def test_the_preview_of_a_delay_shows_its_first_instant_and_a_warning() -> None:
    assert [fire.at for fire in bounded_preview(spec(), first_mark(spec(), NOW), 10, NO_LIMIT)[0]] == [NOW]
    assert warnings(spec(), NOW) == [
        (
            "Only the first occurrence is known in advance: each later occurrence is due 15 minutes after the "
            "previous run has ended."
        )
    ]
    assert dst_changes(spec(timezone="Europe/Paris"), NOW, NOW + timedelta(days=365)) == []


def test_a_delay_is_described_in_words() -> None:
    assert describe(spec()) == "15 minutes after the previous run has ended"
    assert describe(spec(max_runs=3)) == "15 minutes after the previous run has ended, at most 3 times"
