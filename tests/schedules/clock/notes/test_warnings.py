"""Surprising behaviour of a schedule has a warning, and other schedules have none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schedules.clock.anchors import anchored
from schedules.clock.notes.warnings import warnings
from schedules.clock.reading.schedule import parse
from schedules.clock.spec import ScheduleSpec

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def spec(**data: object) -> ScheduleSpec:
    return anchored(parse(data, min_interval=timedelta(microseconds=1)), NOW)


@pytest.mark.parametrize(
    ("data", "note"),
    [
        ({"cron": "0 0-23 * * *"}, "The hours are listed, so the schedule runs at fixed times of day"),
        ({"cron": "0 0 13 * FRI"}, "the schedule runs on each day that matches either field"),
        ({"cron": "0 0 */2 * FRI"}, "the schedule runs only on days that match both fields"),
        ({"cron": "30 2 * * *"}, "02:30 does not exist that day: this schedule runs at 03:00 EDT instead."),
        (
            {"cron": "30 2 * * *", "dst_gap": "skip"},
            "02:30 does not exist that day: this schedule does not run on that day.",
        ),
        (
            {"cron": "30 2,14 * * *", "dst_gap": "skip"},
            (
                "02:30 does not exist that day: this schedule does not run at that time, only at its other times of "
                "that day."
            ),
        ),
        (
            {"cron": "0,30 2,14 * * *", "dst_gap": "skip"},
            (
                "02:00 and 02:30 do not exist that day: this schedule does not run at those times, only at its other "
                "times of that day."
            ),
        ),
        (
            {"cron": "*/30 2 * * *"},
            (
                "On 14 March 2027 clocks in America/New_York go forward from 02:00 to 03:00. 02:00 to 03:00 does not "
                "exist that day, so this schedule does not run on that day."
            ),
        ),
        (
            {"cron": "*/30 2-4 * * *"},
            (
                "02:00 to 03:00 does not exist that day, so this schedule has no run then; it runs at its other times "
                "of that day."
            ),
        ),
        ({"cron": "* * 2 * * SUN"}, "so this schedule does not run on that day."),
        ({"cron": "*/30 1 * * *"}, "01:00 to 02:00 occurs twice, and this schedule runs both times."),
        (
            {"cron": "0 9 1 * ? *"},
            (
                "six fields, so the first one is the second. If the last one is meant as a year, as in AWS, write "
                "“0 9 1 * ?”."
            ),
        ),
        (
            {"cron": "0 0 9 ? * 2-6 *"},
            (
                "Days of the week are counted from 0 (Sunday), so 2-6 means Tuesday, Wednesday, Thursday, Friday and "
                "Saturday. Quartz counts from 1 (Sunday): use names, such as MON."
            ),
        ),
        ({"cron": "0 0 9 ? * 6L"}, "so 6L means Saturday."),
        ({"cron": "30 1 * * *"}, "01:30 occurs twice: this schedule runs only the first time, in EDT."),
        ({"cron": "0 * * * *", "dst_fold": "both"}, "dst_gap and dst_fold have no effect"),
        ({"cron": "* 9 * * *"}, "The schedule runs in every minute of the given hours"),
        ({"cron": "*/7 * * * *"}, "after minute 56, the field next matches minute 0, 4 minutes later"),
        ({"cron": "0 */5 * * *"}, "after hour 20, the field next matches hour 0, 4 hours later"),
        (
            {"cron": "5-1 * * * *"},
            (
                "5-1 in the minute field continues at 0 after 59: it means 5 to 59 and 0 to 1. If you mean 1 to 5, "
                "write “1-5”."
            ),
        ),
        ({"cron": "0 30,16-0/2 9 * * *"}, "it means 16 to 59 and 0. If you mean 0 to 16, write “0-16/2”."),
        ({"cron": "59-58 0 9 * * *"}, "59-58 in the second field continues at 0 after 59: it means 59 and 0 to 58."),
        ({"cron": "*/60 * * * *"}, "the field matches only minute 0. Use a step below 60."),
        ({"cron": "0 0 31 * *"}, "The schedule skips months without a day 31."),
        ({"cron": "0 0 31W * *"}, "The schedule skips months without a day 31."),
        ({"cron": "0 0 L-29 * *"}, "The schedule skips months without a day 30."),
        (
            {"cron": "0 0 */2 * *"},
            (
                "The step of the day of month starts again each month: */2 means the 1st, 3rd, 5th and so on, and the "
                "1st follows the 31st."
            ),
        ),
        ({"cron": "0 0 */10 * *"}, "*/10 means the 1st, 11th, 21st and 31st, and the 1st follows the 31st."),
        ({"cron": "0 0 29 2 *"}, "29 February exists in leap years only"),
        ({"at": "2026-01-01T00:00Z"}, "This schedule has no occurrence in the future"),
        ({"cron": "@daily", "end_at": "2026-01-01T00:00Z"}, "This schedule has no occurrence in the future"),
    ],
)
def test_a_schedule_with_surprising_behaviour_gets_a_warning(data: dict[str, object], note: str) -> None:
    notes = warnings(spec(timezone="America/New_York", **data), NOW)
    assert [text for text in notes if note in text], notes


@pytest.mark.parametrize(
    "data",
    [
        {"cron": "0 * * * *", "timezone": "America/New_York"},
        {"cron": "0 9 * * MON-FRI", "timezone": "America/New_York"},
        {"cron": "0 0-23 * * *"},
        {"cron": "*/15 9-17 * * *", "timezone": "America/New_York"},
        {"cron": "* * * * *", "timezone": "America/New_York"},
        {"cron": "*/30 2 * * MON", "timezone": "America/New_York"},
        {"cron": "*/30 2 * * *", "timezone": "Asia/Tokyo"},
        {"cron": "0 0 9 ? * MON-FRI *"},
        {"cron": "0 0 9 ? * MON#2"},
        {"cron": "0 0 9 L * ? 2030"},
        {"cron": "30 2 * * *", "timezone": "Asia/Tokyo"},
        {"cron": "0 0 31 1,12 *"},
        {"cron": "0 0 31,L * *"},
        {"cron": "0 0 15W * *"},
        {"cron": "0 0 L-27 * *"},
        {"cron": "0 0 1-31/2 * *"},
        {"cron": "0 0 */10 2 *"},
        {"cron": "0 9 */1 * *"},
        {"cron": "0 9 1-31/1 * *"},
        {"cron": "0 9 */1 * MON"},
        {"cron": "0 9 1 * */1"},
        {"cron": "50-10 * * * *"},
        {"cron": "40-20/5 * * * *"},
        {"cron": "17-0 * * * *"},
        {"cron": "0 22-20 * * *"},
        {"cron": "0 */1 */1 */1 */1 */1"},
        {"cron": "0 0 ? * MON"},
        {"cron": "*/7,58 * * * *"},
        {"cron": "*/60,30 * * * *"},
        {"every": "7m"},
        {"every": "1w", "start_at": "2027-01-01T00:00Z", "end_at": "2027-01-01T12:00Z"},
        {
            "specs": [{"every": "1w"}, {"every": "2w"}],
            "start_at": "2027-01-01T00:00Z",
            "end_at": "2027-01-01T12:00Z",
        },
        {"at": "2027-01-01T00:00Z"},
        {"kind": "none"},
    ],
)
def test_a_schedule_without_surprises_gets_no_warning(data: dict[str, object]) -> None:
    assert warnings(spec(**data), NOW) == []
