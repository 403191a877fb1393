"""The preview marks occurrences that a clock change moves or repeats, and explains each change in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schedules.clock.effort import NO_LIMIT
from schedules.clock.occurrences import occurrences
from schedules.clock.preview import Mark, bounded_preview
from schedules.clock.reading.schedule import parse
from schedules.clock.spec import ScheduleSpec, with_anchor
from schedules.clock.zones.clock_changes import MAX_CHANGE_FIRES, ChangeKind, DstChange, dst_changes
from tests.schedules.clock.oracle import all_transitions

NOW = datetime(2026, 11, 21, tzinfo=UTC)
YEAR = timedelta(days=365)


def spec(zone: str = "America/New_York", /, **data: object) -> ScheduleSpec:
    return parse({"timezone": zone, **data}, min_interval=timedelta(seconds=1))


def spring_and_autumn(zone: str = "America/New_York", /, **data: object) -> list[DstChange]:
    return dst_changes(spec(zone, **data), NOW, NOW + YEAR)


def test_the_preview_shows_the_next_instants_in_utc_and_in_the_time_zone() -> None:
    schedule = spec("Asia/Tokyo", cron="0 9 * * *")
    fires = bounded_preview(schedule, NOW, 3, NO_LIMIT)[0]
    assert [fire.at for fire in fires] == list(occurrences(schedule, NOW, NOW + timedelta(days=3)))
    assert fires[0].local.isoformat() == "2026-11-22T09:00:00+09:00"
    assert all(fire.marks == () for fire in fires)


def test_the_preview_ends_with_the_schedule() -> None:
    assert len(bounded_preview(spec(at="2027-01-01T00:00"), NOW, 5, NO_LIMIT)[0]) == 1
    assert bounded_preview(spec(kind="none"), NOW, 5, NO_LIMIT)[0] == []


# Clocks in New York go forward from 02:00 to 03:00 on 14 March 2027 and back from 02:00 to 01:00 on 7 November 2027.
def test_a_moved_instant_and_both_passes_of_a_repeated_hour_have_marks() -> None:
    schedule = spec(cron="30 1,2 * * *", dst_fold="both")
    spring = bounded_preview(schedule, datetime(2027, 3, 14, 5, tzinfo=UTC), 3, NO_LIMIT)[0]
    assert [(fire.local.isoformat()[:16], fire.marks) for fire in spring] == [
        ("2027-03-14T01:30", ()),
        ("2027-03-14T03:00", (Mark.GAP,)),
        ("2027-03-15T01:30", ()),
    ]
    autumn = bounded_preview(schedule, datetime(2027, 11, 7, 4, tzinfo=UTC), 3, NO_LIMIT)[0]
    assert [(fire.local.isoformat()[11:], fire.marks) for fire in autumn] == [
        ("01:30:00-04:00", (Mark.FOLD_FIRST,)),
        ("01:30:00-05:00", (Mark.FOLD_SECOND,)),
        ("02:30:00-05:00", ()),
    ]


@pytest.mark.parametrize(("cron", "gap"), [("0 3 * * *", "shift"), ("0 2,3 * * *", "skip"), ("0 */3 * * *", "shift")])
def test_a_named_time_at_the_end_of_a_gap_has_no_mark_if_none_was_moved_there(cron: str, gap: str) -> None:
    fires = bounded_preview(spec(cron=cron, dst_gap=gap), datetime(2027, 3, 14, 6, tzinfo=UTC), 1, NO_LIMIT)[0]
    assert fires[0].at == datetime(2027, 3, 14, 7, tzinfo=UTC)
    assert fires[0].marks == ()


def test_a_daily_job_at_02_30_is_explained_for_both_changes_of_new_york() -> None:
    gap, fold = spring_and_autumn(cron="0 30 2 * * *")
    assert (gap.kind, gap.at) == (ChangeKind.GAP, datetime(2027, 3, 14, 7, tzinfo=UTC))
    assert (gap.local_from, gap.local_to) == ("2027-03-14T02:00:00", "2027-03-14T03:00:00")
    assert [fire.local.isoformat() for fire in gap.fires] == ["2027-03-14T03:00:00-04:00"]
    assert gap.affected
    assert gap.text == (
        "On 14 March 2027 clocks in America/New_York go forward from 02:00 to 03:00. "
        "02:30 does not exist that day: this schedule runs at 03:00 EDT instead."
    )
    assert (fold.kind, fold.at) == (ChangeKind.FOLD, datetime(2027, 11, 7, 6, tzinfo=UTC))
    assert (fold.local_from, fold.local_to) == ("2027-11-07T01:00:00", "2027-11-07T02:00:00")
    assert fold.fires == ()
    assert not fold.affected
    assert fold.text == (
        "On 7 November 2027 clocks in America/New_York go back from 02:00 to 01:00. "
        "Clocks repeat 01:00 to 02:00. This schedule has no time in that span: its first run after the change starts "
        "25 hours after its previous run."
    )


@pytest.mark.parametrize(
    ("data", "spring", "autumn"),
    [
        (
            {"cron": "30 2 * * *", "dst_gap": "skip"},
            "02:30 does not exist that day: this schedule does not run on that day.",
            "its first run after the change starts 25 hours after its previous run.",
        ),
        (
            {"cron": "0,30 1,2 * * *"},
            "02:00 and 02:30 do not exist that day: this schedule runs once at 03:00 EDT instead.",
            "01:00 and 01:30 occur twice: this schedule runs only the first time, in EDT.",
        ),
        (
            {"cron": "30 1 * * *", "dst_fold": "both"},
            (
                "This schedule has no time in that span: its first run after the change starts 23 hours after its "
                "previous run."
            ),
            "01:30 occurs twice: this schedule runs both times, in EDT and again in EST.",
        ),
        (
            {"cron": "0-59 1,2 * * *"},
            "02:00, 02:01, 02:02 and others do not exist that day",
            "01:00, 01:01, 01:02 and others occur twice",
        ),
        (
            {"cron": "*/15 * * * *"},
            "02:00 to 03:00 does not exist that day, so this schedule has no run then.",
            "01:00 to 02:00 occurs twice, and this schedule runs both times.",
        ),
        (
            {"cron": "0 9 1 * *"},
            "Clocks skip 02:00 to 03:00. This schedule has no time in that span: it runs as usual.",
            "This schedule has no time in that span: it runs as usual.",
        ),
        (
            {"every": "15m", "anchor_at": "2026-01-01T00:00"},
            "This schedule follows elapsed time: it keeps running every 15 minutes.",
            "This schedule follows elapsed time: it keeps running every 15 minutes.",
        ),
        (
            {"every": "1d", "anchor_at": "2026-01-01T00:00"},
            "it keeps running every 24 hours, so from then on it runs 1 hour later in local time.",
            "it keeps running every 24 hours, so from then on it runs 1 hour earlier in local time.",
        ),
        (
            {"at": "2027-11-01T00:00"},
            "This schedule fires once, at a fixed time in UTC: the clock change does not move it.",
            "This schedule fires once, at a fixed time in UTC: the clock change does not move it.",
        ),
    ],
)
def test_each_kind_of_schedule_explains_what_a_clock_change_does_to_it(
    data: dict[str, object], spring: str, autumn: str
) -> None:
    first, second = spring_and_autumn(**data)
    assert spring in first.text
    assert autumn in second.text


def test_a_missing_midnight_and_a_missing_day_are_explained_with_their_dates() -> None:
    gap, fold = spring_and_autumn("Asia/Beirut", cron="0 0 * * *")
    assert gap.text.endswith("00:00 does not exist that day: this schedule runs at 01:00 EEST instead.")
    assert "go back from 00:00 to 23:00 on 30 October 2027." in fold.text
    # Apia skipped 30 December 2011 when it moved to the other side of the date line.
    start = datetime(2011, 12, 1, tzinfo=UTC)
    (change,) = dst_changes(spec("Pacific/Apia", cron="0 9 * * *"), start, start + timedelta(days=60))
    assert (
        "On 30 December 2011 clocks in Pacific/Apia go forward from 00:00 to 00:00 on 31 December 2011." in change.text
    )
    assert change.text.endswith("09:00 does not exist that day: this schedule runs at 00:00 UTC+14 instead.")


def test_clock_changes_outside_the_bounds_of_a_schedule_are_not_listed() -> None:
    changes = spring_and_autumn(cron="30 2 * * *", start_at="2027-04-01", end_at="2027-11-07T00:00")
    assert changes == []


def test_a_zone_without_changes_and_a_job_without_a_schedule_list_no_changes() -> None:
    assert spring_and_autumn("Asia/Tokyo", cron="30 2 * * *") == []
    assert spring_and_autumn(kind="none") == []


def test_at_most_max_change_fires_occurrences_are_listed_for_a_change() -> None:
    # Once per second: 7,200 occurrences lie in the two passes of the repeated hour.
    _, fold = spring_and_autumn(cron="* * * * * *")
    assert len(fold.fires) == MAX_CHANGE_FIRES
    assert fold.fires[0].local.isoformat() == "2027-11-07T01:00:00-04:00"


@pytest.mark.long
def test_every_clock_change_of_every_zone_has_a_text_and_correct_marks() -> None:
    # Every 12th change keeps the test short; changes of one kind are spread over the whole list.
    for transition in all_transitions()[::12]:
        for data in ({"cron": "30 0,1,2,3,23 * * *", "dst_fold": "both"}, {"cron": "*/20 * * * *"}, {"every": "7h"}):
            schedule = with_anchor(spec(transition.zone, **data), NOW)
            (change,) = dst_changes(schedule, transition.at - timedelta(seconds=1), transition.at)
            assert change.at == transition.at
            assert (change.kind is ChangeKind.GAP) == (transition.after > transition.before)
            assert change.text.endswith(".")
            if change.kind is ChangeKind.FOLD:
                assert {mark for fire in change.fires for mark in fire.marks} <= {Mark.FOLD_FIRST, Mark.FOLD_SECOND}
                assert all(fire.marks for fire in change.fires)
                assert bool(change.fires) or not change.affected
