"""An expression in words names its times, its dates and its weekdays in the order of a calendar."""

from __future__ import annotations

import pytest

from schedules.clock.cron.expression import read_cron
from schedules.clock.cron.words import cron_words


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 0,6,12,18 * * *", "At 00:00, 06:00, 12:00 and 18:00 every day"),
        ("0 1,6,12,18,20 * * *", "Every hour in hours 1, 6, 12, 18 and 20"),
        ("0 8,20 9,17 * * *", "At 09:08, 09:20, 17:08 and 17:20 every day"),
        ("0,30 0 9 * * *", "At 09:00:00 and 09:00:30 every day"),
        ("0 9-12 * * *", "At 09:00, 10:00, 11:00 and 12:00 every day"),
        ("0 9-13 * * *", "Every hour from 09:00 to 13:00"),
        ("0 */2 * * *", "Every 2 hours"),
        ("0 */5 * * *", "Every hour in hours 0, 5, 10, 15 and 20"),
        ("0,30 */4 * * *", "Every 30 minutes in hours 0, 4, 8, 12, 16 and 20"),
        ("0,20,40 9-17 * * *", "Every 20 minutes from 09:00 to 17:59"),
        ("1-59/2 * * * *", "At minutes " + ", ".join(map(str, range(1, 57, 2))) + ", 57 and 59 of every hour"),
        ("10-20 * * * *", "At minutes 10 to 20 of every hour"),
    ],
)
def test_minutes_and_hours_are_listed_or_named_as_an_even_step(expression: str, words: str) -> None:
    assert cron_words(read_cron(expression)) == words


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* 5 * * * *", "Every second of minute 5 of every hour"),
        ("*/20 5,6 * * * *", "Every 20 seconds of minutes 5 and 6 of every hour"),
        ("*/20 */10 * * * *", "Every 20 seconds of every 10th minute"),
        ("7 * * * * *", "At second 7 of every minute"),
        ("7,9 * * * * *", "At seconds 7 and 9 of every minute"),
        ("* * 9 * * *", "Every second from 09:00 to 09:59"),
        ("7 * 9-10 * * *", "At second 7 of every minute from 09:00 to 10:59"),
        ("7 */2 9,11 * * *", "At second 7 of every 2nd minute in hours 9 and 11"),
        ("*/7 * * * * *", "At seconds 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every minute"),
    ],
)
def test_seconds_are_named_with_the_minutes_and_hours_around_them(expression: str, words: str) -> None:
    assert cron_words(read_cron(expression)) == words


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 9 * * MON", "on Monday"),
        ("0 9 * * SUN,MON", "on Monday and Sunday"),
        ("0 9 * * 6,7", "on Saturday and Sunday"),
        ("0 9 * * FRI-SUN", ", Friday to Sunday"),
        ("0 9 * * SUN,SAT,FRI", ", Friday to Sunday"),
        ("0 9 * * MON,WED,FRI", "on Monday, Wednesday and Friday"),
        ("0 9 * * MON-WED,FRI", "on Monday to Wednesday and Friday"),
        ("0 9 * * MON,5L", "on Monday and the last Friday of the month"),
        ("0 9 * * SUN#1", "on the 1st Sunday of the month"),
        ("0 9 * * 7#3", "on the 3rd Sunday of the month"),
        ("0 9 * JUL TUE#5", "on the 5th Tuesday of July"),
        ("0 9 * JUL-AUG MON", "on Monday, in July and August"),
        ("0 9 * JUN-AUG MON-FRI", ", Monday to Friday, in June to August"),
        ("0 9 * * 0-7", "every day"),
        ("0 9 * * *", "every day"),
    ],
)
def test_weekdays_are_listed_from_monday_to_sunday(expression: str, words: str) -> None:
    gap = "" if words.startswith(",") else " "
    assert cron_words(read_cron(expression)) == f"At 09:00{gap}{words}"


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 9 1-31 * *", "every day"),
        ("0 9 1-31 2 *", "every day in February"),
        ("0 9 1-30 * *", "on the 1st to 30th of the month"),
        ("0 9 2,1 * *", "on the 1st and 2nd of the month"),
        ("0 9 15,L * *", "on the 15th and the last day of the month"),
        ("0 9 1,LW,L 3 *", "on the 1st, the last weekday and the last day of March"),
        ("0 9 */15 * *", "on every 15th day of the month"),
        ("0 9 */16 * *", "on the 1st and 17th of the month"),
        ("0 9 1 1,3,5,6,7 *", "on the 1st of January, March and May to July"),
        ("0 9 13 10 FRI", "on the 13th of October or on Friday"),
        ("0 9 */2 * FRI", "on every 2nd day of the month, but only on Friday"),
        ("0 9 1-31 * FRI", "every day"),
        ("0 9 13 6 0-6", "every day in June"),
    ],
)
def test_days_of_the_month_are_listed_with_their_months(expression: str, words: str) -> None:
    assert cron_words(read_cron(expression)) == f"At 09:00 {words}"
