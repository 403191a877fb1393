"""An interval gets its anchor and keeps it across edits, and a first mark lies just before the first occurrence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schedules.clock.anchors import ONCE_GRACE, anchored, first_mark, has_same_timing, keep_anchors
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


@pytest.mark.parametrize(
    "edit",
    [
        {"timezone": "America/New_York"},
        {"end_at": "2027-01-01T00:00Z"},
        {"max_runs": 3},
        {"every": "60m"},
        {"every": 3600, "end_at": "2027-01-01T00:00Z", "timezone": "Asia/Tokyo"},
    ],
)
def test_an_interval_keeps_its_anchor_when_other_members_change(edit: dict[str, object]) -> None:
    before = anchored(spec(every="1h"), NOW)
    assert keep_anchors(spec(**{"every": "1h"} | edit), before).anchor_at == NOW


def test_only_a_start_at_that_changes_is_the_new_anchor_of_an_interval() -> None:
    start_at = "2026-12-01T00:07Z"
    before = spec(every="1h", start_at=start_at, anchor_at="2026-11-20T12:00Z")
    assert keep_anchors(spec(every="1h", start_at=start_at, max_runs=2), before).anchor_at == NOW
    assert keep_anchors(spec(every="1h", max_runs=2), before).anchor_at == NOW
    assert keep_anchors(spec(every="1h", start_at="2026-12-02T00:09Z"), before).anchor_at is None


def test_the_intervals_of_a_list_keep_their_anchors_when_the_list_changes() -> None:
    first = {"every": "1h", "anchor_at": "2026-11-20T12:01Z"}
    second = {"every": "2h", "anchor_at": "2026-11-20T12:02Z"}
    before = spec(specs=[first, second, {"cron": "0 9 * * *"}])

    def minutes_of(*entries: dict[str, object], **others: object) -> list[int | None]:
        found = keep_anchors(spec(specs=list(entries), **others), before).specs
        return [each.anchor_at.minute if each.anchor_at else None for each in found]

    assert minutes_of({"every": "2h"}, {"every": "1h"}, max_runs=4) == [2, 1]
    assert minutes_of({"every": "1h", "end_at": "2027-01-01T00:00Z"}, {"every": "2h", "timezone": "Asia/Tokyo"}) == [
        1,
        2,
    ]
    assert minutes_of({"every": "1h"}, {"every": "1h"}, {"every": "3h"}) == [1, None, None]
    assert minutes_of({"every": "1h"}, {"every": "2h"}, start_at="2026-12-01T00:09Z") == [None, None]
    assert keep_anchors(spec(every="2h"), before).anchor_at == datetime(2026, 11, 20, 12, 2, tzinfo=UTC)


def test_equal_entries_of_a_list_match_before_entries_with_only_the_same_interval() -> None:
    bounded = {"every": "1h", "end_at": "2027-01-01T00:00Z"}
    before = spec(
        specs=[bounded | {"anchor_at": "2026-11-20T12:01Z"}, {"every": "1h", "anchor_at": "2026-11-20T12:02Z"}]
    )
    found = keep_anchors(spec(specs=[{"every": "1h"}, bounded], max_runs=9), before).specs
    assert [each.anchor_at and each.anchor_at.minute for each in found] == [2, 1]


def test_schedules_have_the_same_timing_if_only_bounds_zones_and_order_differ() -> None:
    one, two = {"cron": "0 9 * * *"}, {"every": "1h"}
    assert has_same_timing(spec(**one), spec(**one, timezone="Asia/Tokyo", max_runs=3, dst_gap="skip"))
    assert has_same_timing(spec(specs=[one, two]), spec(specs=[two, one], end_at="2027-01-01T00:00Z"))
    assert not has_same_timing(spec(**one), spec(cron="0 10 * * *"))
    assert not has_same_timing(spec(specs=[one, two]), spec(specs=[one, {"every": "2h"}]))
    assert not has_same_timing(
        spec(solar="sunset", latitude=1, longitude=1), spec(solar="sunset", latitude=2, longitude=1)
    )


def test_a_once_schedule_may_lie_up_to_one_minute_in_the_past() -> None:
    # The instant of an `at` lies after the mark, so it may be as old as the grace.
    assert first_mark(spec(at="2026-11-20T12:00Z"), NOW) == NOW - ONCE_GRACE
    assert first_mark(spec(every="1h"), NOW) == NOW
