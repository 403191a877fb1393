"""A notation of another scheduler is refused with its name and with what to write instead."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from schedules.clock.cron.errors import CronError
from schedules.clock.cron.expression import read_cron
from schedules.clock.reading.schedule import parse


def refusal(text: str) -> str:
    with pytest.raises(CronError) as caught:
        read_cron(text)
    (sentence,) = caught.value.messages
    return sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "TZ=UTC 0 0 * * *",
            'must not contain a time zone: remove "TZ=UTC", and set the field timezone to "UTC".',
        ),
        (
            "CRON_TZ=Asia/Tokyo 0 9 * * *",
            'must not contain a time zone: remove "CRON_TZ=Asia/Tokyo", and set the field timezone to "Asia/Tokyo".',
        ),
        ("MAILTO=me 0 9 * * *", 'must not contain settings: remove "MAILTO=me".'),
        (
            "0 9 * * * Europe/Berlin",
            'must not contain a time zone: remove "Europe/Berlin", and set the field timezone to "Europe/Berlin".',
        ),
        ("0 9 * * * utc", 'must not contain a time zone: remove "utc", and set the field timezone to "UTC".'),
        ("0 0 9 * * * UTC", 'must not contain a time zone: remove "UTC", and set the field timezone to "UTC".'),
        (
            "0 9 * * * CEST",
            'must not contain a time zone: remove "CEST", and set the field timezone to one such as "Europe/Paris".',
        ),
        (
            "0 9 * * * UTC+2",
            (
                'must not contain a time zone: remove "UTC+2", and set the field timezone to the name of an IANA time '
                "zone."
            ),
        ),
        (
            "@daily Europe/Berlin",
            'must not contain a time zone: remove "Europe/Berlin", and set the field timezone to "Europe/Berlin".',
        ),
        ("cron(0 9 ? * MON-FRI *)", 'cron(…) is the notation of AWS: write "0 9 ? * MON-FRI".'),
        (
            "cron(0 9 ? * 2-6 *)",
            (
                'cron(…) is the notation of AWS: write "0 9 ? * MON-FRI". AWS counts the days of the week from 1 '
                "(Sunday), so 2-6 is MON-FRI."
            ),
        ),
        (
            "cron(0 9 ? * 6#3 2027)",
            (
                'cron(…) is the notation of AWS: write "0 0 9 ? * FRI#3 2027". AWS counts the days of the week from 1 '
                "(Sunday), so 6#3 is FRI#3."
            ),
        ),
        ("cron(15 10 1 * ? 2027-2029)", 'cron(…) is the notation of AWS: write "0 15 10 1 * ? 2027-2029".'),
        ("cron(0 9 * *)", "cron(…) is the notation of AWS: write only the fields between the parentheses."),
        (
            "rate(5 minutes)",
            'rate(…) is the notation of AWS: remove the field "cron", and set the field "every" to "5 minutes".',
        ),
        (
            "rate(often)",
            'rate(…) is the notation of AWS: remove the field "cron", and set the field "every", for example to "15m".',
        ),
        (
            "at(2027-03-01T09:00:00)",
            'at(…) is the notation of AWS: remove the field "cron", and set the field "at" to "2027-03-01T09:00:00".',
        ),
        ("0 9 * * * # nightly", 'must not contain a comment: remove "# nightly".'),
        ("0 9 * * MON#1 # täglich", 'must not contain a comment: remove "# täglich".'),
        ("@every 5m", '@every is not cron syntax: remove the field "cron", and set the field "every" to "5m".'),
        (
            "@every",
            '@every is not cron syntax: remove the field "cron", and set the field "every", for example to "15m".',
        ),
        ("@daily 5", 'must not contain anything after @daily: remove "5".'),
        (
            "@reboot",
            (
                "@reboot names no time, so it can't be scheduled here. Use @yearly, @annually, @monthly, @weekly, "
                "@daily, @midnight or @hourly."
            ),
        ),
        (
            "@fortnightly",
            (
                '"@fortnightly" is not a nickname. Use @yearly, @annually, @monthly, @weekly, @daily, @midnight or '
                "@hourly."
            ),
        ),
        (
            "0 9 1 1 * 2027",
            'has a year as its sixth field: write seven fields, with the second first: "0 0 9 1 1 * 2027".',
        ),
        (
            "0 9 1 1 2027",
            'has a year as its fifth field: write seven fields, with the second first: "0 0 9 1 1 * 2027".',
        ),
        (
            "0 9 ? * MON-FRI *",
            'has a day of the week as its fifth field, but six fields begin with the second: write "0 9 ? * MON-FRI".',
        ),
        (
            "0 9 * * * /usr/bin/backup --all",
            'must not contain a command: remove "/usr/bin/backup --all", and set the job\'s target instead.',
        ),
        (
            "0 9 * * * root ./backup.sh",
            'must not contain a command: remove "root ./backup.sh", and set the job\'s target instead.',
        ),
        ("0 9 * * MON - FRI", 'Remove the spaces around "-": write "0 9 * * MON-FRI".'),
        ("0 9 * * mon -fri", 'Remove the spaces around "-": write "0 9 * * mon-fri".'),
        ("0 9 1, 15 * *", 'Remove the spaces around ",": write "0 9 1,15 * *".'),
        ("0 9 * JAN , JUL *", 'Remove the spaces around ",": write "0 9 * JAN,JUL *".'),
        ("* / 5 * * * *", 'Remove the spaces around "/": write "*/5 * * * *".'),
        (
            "0 0 9 - 17 / 2 * * MON, FRI 2027",
            'Remove the spaces around "-", "/" and ",": write "0 0 9-17/2 * * MON,FRI 2027".',
        ),
        ("0 9 * * mon..fri", 'A range is written with "-": write "0 9 * * mon-fri".'),
        ("0 0 9 * * mon..fri", 'A range is written with "-": write "0 0 9 * * mon-fri".'),
        ("0 9 1 \u2013 5 * *", 'A range is written with "-": write "0 9 1-5 * *".'),
        (
            "every 5 minutes",
            '"every 5 minutes" is not cron syntax: remove the field "cron", and set the field "every" to "5 minutes".',
        ),
        (
            "Every hour",
            '"Every hour" is not cron syntax: remove the field "cron", and set the field "every" to "1 hour".',
        ),
        ("15m", '"15m" is not cron syntax: remove the field "cron", and set the field "every" to "15m".'),
        (
            "every weekday at 9",
            '"every weekday at 9" is not cron syntax: write five fields, such as "0 9 * * MON-FRI".',
        ),
        (
            "0 0",
            (
                "has 2 fields, but needs 5 (minute, hour, day of month, month, day of week), 6 with seconds first, or "
                "7 with seconds first and the year last."
            ),
        ),
    ],
)
def test_a_foreign_notation_is_refused_with_what_to_write_instead(text: str, sentence: str) -> None:
    assert refusal(text) == sentence


@pytest.mark.parametrize(
    "text",
    [
        "cron(0 9 ? * MON-FRI *)",
        "cron(0 10 * * ? *)",
        "cron(0/15 8-17 ? * 2-6 *)",
        "cron(0 18 ? * 6L 2027-2030)",
        "cron(0 9 3W * ? *)",
        "cron(5,35 14 * * ? 2027)",
        "0 9 1 1 * 2027",
        "0 9 1 1 2027",
        "0 9 ? * MON-FRI *",
        "0 9 * * MON - FRI",
        "0 0 9 - 17 / 2 * * MON, FRI 2027",
    ],
)
def test_what_to_write_instead_is_a_valid_expression(text: str) -> None:
    read_cron(re.findall('"([^"]+)"', refusal(text))[-1])


@pytest.mark.parametrize("text", ["rate(5 minutes)", "rate(1 day)", "@every 1h30m", "@every 90s"])
def test_what_to_write_instead_of_an_interval_is_a_valid_schedule(text: str) -> None:
    length = re.findall('"([^"]+)"', refusal(text))[-1]
    assert parse({"every": length}, min_interval=timedelta(seconds=1)).every


@pytest.mark.parametrize(
    "text", ["1, * * * *", "0 5- * * * *", "0 9 * * MON -x", "*/5 * * * * -1", "0 9 * * MON /usr/bin/backup"]
)
def test_no_advice_about_spaces_gives_an_invalid_expression(text: str) -> None:
    with pytest.raises(CronError) as caught:
        read_cron(text)
    assert "spaces" not in " ".join(caught.value.messages)


@pytest.mark.parametrize("text", ["0 9 * * MON#2", "0 9 * * MON#L", "0 0 9 * * MON 2027", "0 9 1 1 7"])
def test_a_valid_expression_is_no_foreign_notation(text: str) -> None:
    assert read_cron(text)
