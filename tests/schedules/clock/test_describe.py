"""Each schedule has an exact English description."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.clock.describe import describe
from schedules.clock.reading.schedule import parse
from schedules.clock.spec import ScheduleSpec


def spec(**data: object) -> ScheduleSpec:
    return parse(data, min_interval=timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* * * * *", "Every minute"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("0,15,30,45 * * * *", "Every 15 minutes"),
        ("@hourly", "Every hour"),
        ("5 * * * *", "At 5 minutes past every hour"),
        ("5,35 * * * *", "At 5 and 35 minutes past every hour"),
        ("*/25 * * * *", "At 0, 25 and 50 minutes past every hour"),
        ("* * * * * *", "Every second"),
        ("*/10 * * * * *", "Every 10 seconds"),
        ("5 * * * * *", "At 5 seconds past every minute"),
        ("30 5 * * * *", "At 5 minutes and 30 seconds past every hour"),
        ("30 2 * * *", "At 02:30 every day (UTC)"),
        ("15 30 9 * * *", "At 09:30:15 every day (UTC)"),
        ("0 9,17 * * *", "At 09:00 and 17:00 every day (UTC)"),
        ("0 */4 * * *", "Every 4 hours (UTC)"),
        ("30 */4 * * *", "Every 4 hours, starting at 00:30 (UTC)"),
        ("0 9-17 * * MON-FRI", "Every hour from 09:00 to 17:00, Monday to Friday (UTC)"),
        ("*/15 9-17 * * *", "Every 15 minutes from 09:00 to 17:45 (UTC)"),
        ("5,35 8,12,20 * * *", "At 08:05, 08:35, 12:05, 12:35, 20:05 and 20:35 every day (UTC)"),
        ("* 9 * * *", "Every minute from 09:00 to 09:59 (UTC)"),
        ("0 9 * * 1-5", "At 09:00, Monday to Friday (UTC)"),
        ("@weekly", "At 00:00 on Sundays (UTC)"),
        ("0 0 * * 6,0", "At 00:00 on Saturdays and Sundays (UTC)"),
        ("0 0 * * MON#2", "At 00:00 on the 2nd Monday of the month (UTC)"),
        ("0 0 * 2 5L", "At 00:00 on the last Friday of February (UTC)"),
        ("0 0 * 1 MON", "At 00:00 on Mondays in January (UTC)"),
        ("0 0 1 * *", "At 00:00 on the 1st of the month (UTC)"),
        ("0 0 21,22,23 * *", "At 00:00 from the 21st to the 23rd of the month (UTC)"),
        ("0 0 1,15 * *", "At 00:00 on the 1st and 15th of the month (UTC)"),
        ("0 0 */2 * *", "At 00:00 on every 2nd day of each month, counted from the 1st (UTC)"),
        ("0 0 L * *", "At 00:00 on the last day of the month (UTC)"),
        ("0 0 LW 6-8 *", "At 00:00 on the last weekday of June, July and August (UTC)"),
        ("0 0 * JUN-AUG *", "At 00:00 every day in June, July and August (UTC)"),
        ("0 12 13 * FRI", "At 12:00 on the 13th of the month and on Fridays (UTC)"),
        ("0 0 1-7 * */7", "At 00:00 from the 1st to the 7th of the month, but only on Sundays (UTC)"),
        ("0 0 1 * 0-6", "At 00:00 every day (UTC)"),
        ("0 0 13 2 5", "At 00:00 on 13 February and on Fridays in February (UTC)"),
        ("0 9,11 * * *", "At 09:00 and 11:00 every day (UTC)"),
        ("0 0 9 1 1 * 2027", "At 09:00 on 1 January 2027 (UTC)"),
        ("0 0 0 1 1 * *", "At 00:00 on 1 January (UTC)"),
    ],
)
def test_a_cron_expression_is_described_in_words(expression: str, words: str) -> None:
    assert describe(spec(cron=expression)) == words


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"every": "15m"}, "Every 15 minutes"),
        ({"every": "1m"}, "Every minute"),
        ({"every": "1h30m"}, "Every 1 hour and 30 minutes"),
        ({"every": "1d"}, "Every 24 hours"),
        ({"every": "3d"}, "Every 3 days"),
        ({"every": "1500ms"}, "Every 1.5 seconds"),
        ({"kind": "none"}, "No schedule: starts by hand, through the API or after other jobs"),
        (
            {"at": "2027-03-01T09:00", "timezone": "Europe/Paris"},
            "Once, on 1 March 2027 at 09:00 (Europe/Paris)",
        ),
        ({"cron": "30 2 * * *", "timezone": "America/New_York"}, "At 02:30 every day (America/New_York)"),
        ({"every": "15m", "max_runs": 5}, "Every 15 minutes, at most 5 times"),
        ({"every": "15m", "max_runs": 1}, "Every 15 minutes, at most once"),
        (
            {"cron": "@daily", "timezone": "Europe/Paris", "start_at": "2027-03-01", "end_at": "2027-04-01T12:30:15"},
            "At 00:00 every day, from 1 March 2027 at 00:00 until 1 April 2027 at 12:30:15 (Europe/Paris)",
        ),
        (
            {"every": "1h", "end_at": "2027-04-01T12:00Z", "max_runs": 3},
            "Every hour, until 1 April 2027 at 12:00, at most 3 times (UTC)",
        ),
    ],
)
def test_every_kind_of_schedule_is_described_in_words(data: dict[str, object], words: str) -> None:
    assert describe(spec(**data)) == words


FIELD_TEXTS = ["*", "*/2", "*/7", "1", "1,2,5", "2-6", "1-7/2", "6-2", "5-1/2", "?", "H"]


@pytest.mark.long
@settings(derandomize=True, max_examples=500, deadline=None, database=None)
@given(
    fields=st.lists(st.sampled_from(FIELD_TEXTS), min_size=4, max_size=5),
    dow=st.sampled_from([*FIELD_TEXTS, "5L", "1#2", "FRI#L", "friday-MON"]),
)
def test_a_description_starts_with_a_capital_and_holds_no_cron_syntax(fields: list[str], dow: str) -> None:
    words = describe(spec(cron=" ".join([*fields, dow])))
    assert words[0].isupper()
    assert not {"  ", " ,", "*", "/", "None"} & {
        words[at : at + size] for size in (1, 2, 4) for at in range(len(words))
    }
