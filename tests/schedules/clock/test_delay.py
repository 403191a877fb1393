"""A delay after each run: what it names by itself, and what follows the end of a run."""

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


def test_its_first_instant_is_its_start_or_the_moment_that_the_job_is_made() -> None:
    mark_at = first_mark(spec(), NOW)
    assert next_after(spec(), mark_at) == NOW
    assert next_after(anchored(spec(start_at="2027-02-01T00:00Z"), NOW), mark_at) == datetime(2027, 2, 1, tzinfo=UTC)
    assert next_after(spec(start_at="2026-02-01T00:00Z"), mark_at) == NOW
    assert next_after(spec(end_at="2027-01-01T11:59Z"), mark_at) is None


def test_the_next_comes_so_long_after_the_end_of_the_run() -> None:
    assert next_after_run(spec(), NOW, NOW - MINUTE) == NOW + 15 * MINUTE
    assert next_after_run(spec(start_at="2027-02-01T00:00Z"), NOW, NOW) == datetime(2027, 2, 1, tzinfo=UTC)
    assert next_after_run(spec(end_at="2027-01-01T12:15Z"), NOW, NOW) == NOW + 15 * MINUTE
    assert next_after_run(spec(end_at="2027-01-01T12:14:59Z"), NOW, NOW) is None


def test_an_end_told_by_a_slow_clock_leads_to_no_instant_that_is_behind_the_mark() -> None:
    assert next_after_run(spec(), NOW - timedelta(hours=1), NOW) == NOW + 15 * MINUTE


def test_what_did_not_start_is_followed_by_the_next_so_long_after_that_was_decided() -> None:
    assert next_due(spec(), NOW) == NOW + 15 * MINUTE
    assert next_due(parse({"cron": "0 * * * *"}, min_interval=MINUTE), NOW) == NOW + 60 * MINUTE


@pytest.mark.parametrize(
    ("next_run_at", "now", "due"),
    [
        (None, NOW + MINUTE, []),
        (NOW + MINUTE, NOW, []),
        (NOW + MINUTE, NOW + MINUTE, [NOW + MINUTE]),
        (NOW + MINUTE, NOW + timedelta(days=9), [NOW + MINUTE]),
        (NOW, NOW + MINUTE, [NOW + TICK]),
        (NOW, NOW, []),
    ],
)
def test_at_most_one_instant_is_due_however_long_ago_and_always_after_the_mark(
    next_run_at: datetime | None, now: datetime, due: list[datetime]
) -> None:
    assert list(due_instants(spec(), NOW, next_run_at, now)) == due


def test_of_other_schedules_all_between_mark_and_now_are_due() -> None:
    cron = parse({"cron": "* * * * *"}, min_interval=MINUTE)
    found = list(due_instants(cron, NOW, None, NOW + 3 * MINUTE))
    assert found == list(occurrences(cron, NOW, NOW + 3 * MINUTE))


def test_the_preview_shows_the_first_instant_and_a_note() -> None:
    assert [fire.at for fire in preview(spec(), first_mark(spec(), NOW), 10)] == [NOW]
    assert warnings(spec(), NOW) == [
        "Only its first instant is known beforehand: each further one comes 15 minutes after the run before it has ended."
    ]
    assert dst_changes(spec(timezone="Europe/Paris"), NOW, NOW + timedelta(days=365)) == []


def test_it_is_put_into_words() -> None:
    assert describe(spec()) == "15 minutes after the previous run has ended"
    assert describe(spec(max_runs=3)) == "15 minutes after the previous run has ended, at most 3 times"
