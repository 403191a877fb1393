"""An interval gets and keeps its anchor, and a job's first mark lies just before its first occurrence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from schedules.clock.anchors import ONCE_GRACE, anchored, first_mark, keep_anchors
from schedules.clock.reading.schedule import parse
from schedules.clock.spec import ScheduleSpec

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def spec(**data: object) -> ScheduleSpec:
    return parse(data, min_interval=timedelta(0))


def test_an_interval_without_an_anchor_gets_its_start_at_or_else_now() -> None:
    assert anchored(spec(every="1h"), NOW).anchor_at == NOW
    assert anchored(spec(every="1h", start_at="2027-01-01T00:00Z"), NOW).anchor_at == datetime(2027, 1, 1, tzinfo=UTC)
    with_own_anchor = spec(every="1h", anchor_at="2026-01-01T00:10Z", start_at="2027-01-01T00:00Z")
    assert anchored(with_own_anchor, NOW) == with_own_anchor


def test_an_interval_submitted_again_keeps_its_anchor_and_a_changed_one_does_not() -> None:
    before = anchored(spec(every="1h"), NOW)
    assert keep_anchors(spec(every="1h"), before) == before
    assert keep_anchors(spec(every="2h"), before) == spec(every="2h")
    assert keep_anchors(spec(cron="0 * * * *"), before) == spec(cron="0 * * * *")


def test_a_once_schedule_may_lie_up_to_one_minute_in_the_past() -> None:
    # The instant of an `at` lies after the mark, so it may be as old as the grace.
    assert first_mark(spec(at="2026-11-20T12:00Z"), NOW) == NOW - ONCE_GRACE
    assert first_mark(spec(every="1h"), NOW) == NOW
