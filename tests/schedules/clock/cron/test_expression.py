"""A cron expression names the right dates and times, and an invalid one is refused with what to write instead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.clock.cron.errors import CronError
from schedules.clock.cron.expression import read_cron
from schedules.clock.cron.fields import tidy
from schedules.clock.cron.rules import FIELDS
from schedules.clock.zones.local_times import Fold, Gap, cron_instants

# A Friday; 2027 is no leap year.
START = datetime(2027, 1, 1, tzinfo=UTC)
POLICIES = (Gap.SHIFT, Fold.FIRST)


def instants(expression: str, days: float, start: datetime = START) -> list[datetime]:
    window = (start - timedelta(seconds=1), start + timedelta(days=days, seconds=-1))
    return list(cron_instants(read_cron(expression), "UTC", POLICIES, *window))


def dates(expression: str, days: int) -> list[str]:
    return [at.strftime("%m-%d") for at in instants(expression, days)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 L * *", ["01-31", "02-28", "03-31"]),
        ("0 0 LW * *", ["01-29", "02-26", "03-31"]),
        ("0 0 * * 5L", ["01-29", "02-26", "03-26"]),
        ("0 0 * * FRIL", ["01-29", "02-26", "03-26"]),
        ("0 0 * * 7L", ["01-31", "02-28", "03-28"]),
        ("0 0 * * MON#2", ["01-11", "02-08", "03-08"]),
        ("0 0 ? * MON#5", ["03-29"]),
        ("0 0 1 JAN-MAR ?", ["01-01", "02-01", "03-01"]),
        ("0 0 29-31 * *", ["01-29", "01-30", "01-31", "03-29", "03-30", "03-31"]),
        ("0 0 1,L * *", ["01-01", "01-31", "02-01", "02-28", "03-01", "03-31"]),
        ("0 0 */10 2 *", ["02-01", "02-11", "02-21"]),
        ("0 0 1-7 1 *", ["01-01", "01-02", "01-03", "01-04", "01-05", "01-06", "01-07"]),
        ("0 0 1-1/3 * *", ["01-01", "02-01", "03-01"]),
        ("0 0 15W * *", ["01-15", "02-15", "03-15"]),
        ("0 0 16W * *", ["01-15", "02-16", "03-16"]),
        ("0 0 17W * *", ["01-18", "02-17", "03-17"]),
        ("0 0 L-3 * *", ["01-28", "02-25", "03-28"]),
        ("0 0 L-3W * *", ["01-28", "02-25", "03-29"]),
        ("0 0 L-29 * *", ["01-02", "03-02"]),
        ("0 0 30-2 * *", ["01-01", "01-02", "01-30", "01-31", "02-01", "02-02", "03-01", "03-02", "03-30", "03-31"]),
        ("0 0 1 DEC-FEB *", ["01-01", "02-01"]),
        ("0 0 * * FRI#L", ["01-29", "02-26", "03-26"]),
        ("0 0 * * L5", ["01-29", "02-26", "03-26"]),
    ],
)
def test_day_fields_name_the_right_dates_of_the_first_quarter_of_2027(expression: str, expected: list[str]) -> None:
    assert dates(expression, 90) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 13 * FRI", ["01-01", "01-08", "01-13", "01-15", "01-22", "01-29"]),
        ("0 0 */2 * FRI", ["01-01", "01-15", "01-29"]),
        ("0 0 1-7 * */7", ["01-03"]),
        ("0 0 10 * ?", ["01-10"]),
    ],
)
def test_two_day_fields_match_either_date_unless_one_starts_with_a_star(expression: str, expected: list[str]) -> None:
    assert dates(expression, 31) == expected


@pytest.mark.parametrize("sunday", ["0", "7", "SUN", "sun", "0,7", "*/7"])
def test_sunday_is_0_and_7_and_sun(sunday: str) -> None:
    assert dates(f"0 0 * * {sunday}", 31) == ["01-03", "01-10", "01-17", "01-24", "01-31"]


@pytest.mark.parametrize("weekend", ["FRI-SUN", "5-7", "fri-7", "0,5,6"])
def test_a_range_of_weekdays_may_end_on_sunday(weekend: str) -> None:
    assert dates(f"0 0 * * {weekend}", 10) == ["01-01", "01-02", "01-03", "01-08", "01-09", "01-10"]


def test_the_first_of_six_fields_holds_the_seconds() -> None:
    found = instants("*/20 30 9 * * *", 1)
    assert [at.strftime("%H:%M:%S") for at in found] == ["09:30:00", "09:30:20", "09:30:40"]


@pytest.mark.parametrize(
    ("nickname", "expression"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        (" @Midnight ", "0 0 * * *"),
        ("@HOURLY", "0 * * * *"),
    ],
)
def test_a_nickname_means_its_expression(nickname: str, expression: str) -> None:
    assert read_cron(nickname).parts == read_cron(expression).parts


@pytest.mark.parametrize(
    ("expression", "is_fixed"),
    [
        ("30 2 * * *", True),
        ("0 0-23 * * *", True),
        ("*/5 2 * * *", False),
        ("0 * * * *", False),
        ("0 */2 * * *", False),
        ("* 30 2 * * *", True),
        ("0 *,5 2 * * *", False),
    ],
)
def test_an_expression_is_fixed_if_neither_hour_nor_minute_starts_with_a_star(expression: str, is_fixed: bool) -> None:
    assert read_cron(expression).is_fixed is is_fixed


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("75 * * * *", "minute: 75 is not in 0-59."),
        ("61 0 0 * * *", "second: 61 is not in 0-59."),
        ("0 24 * * *", "hour: 24 is not in 0-23."),
        ("0 0 0 * *", "day of month: 0 is not in 1-31."),
        ("0 0 * 13 *", "month: 13 is not in 1-12."),
        ("0 0 * * 8", "day of week: 8 is not in 0-7."),
        ("a * * * *", 'minute: "A" is not allowed: use 0-59.'),
        ("-5 * * * *", "minute: a number is missing: use 0-59."),
        ("1,,2 * * * *", "minute: a list item is empty: remove the extra comma."),
        ("*/0 * * * *", 'minute: the step in "*/0" must be a whole number of at least 1.'),
        ("*/x * * * *", 'minute: the step in "*/X" must be a whole number of at least 1.'),
        ("0 0 * * L", "day of week: L needs a day, such as 5L or FRIL for the last Friday of the month."),
        ("0 0 * * MON#6", 'day of week: the number after # in "MON#6" must be from 1 to 5, or L for the last one.'),
        ("0 0 31 2 *", "never fires: February never has 31 days. Use L for the last day of the month."),
        ("0 0 30,31 FEB *", "never fires: February never has 30 days (day of month 30,31)."),
        ("0 0 31/5 4,6 *", "never fires: April and June never have 31 days (day of month 31/5)."),
        ("0 0 */31 * MON#2", "never fires: no date matches both day of month */31 and day of week 1#2."),
        ("0 0 0 29 2 * 2027", "never fires: no date in month 2 of year 2027 matches day of month 29."),
        ("0 0 L-30 2,4 *", "never fires: no date in month 2,4 matches day of month L-30."),
        ("0 0 */29 2 MON#5", "never fires: no date in month 2 matches both day of month */29 and day of week 1#5."),
        ("0 0", "has 2 fields, but needs 5"),
        ("*", "has 1 field, but needs 5"),
        ("", "is empty"),
        ("0 0 * * frı", "has a character that cron does not allow"),
        ("0 0 * *\x00 *", "has a character that cron does not allow"),
        ("0 " * 200, "is too long: an expression may have at most 255 characters."),
    ],
)
def test_an_error_names_the_field_and_what_to_write_instead(expression: str, message: str) -> None:
    with pytest.raises(CronError) as refusal:
        read_cron(expression)
    assert refusal.value.messages[0].startswith(message)
    assert len(refusal.value.messages) == 1


def test_every_invalid_field_is_reported_at_once() -> None:
    with pytest.raises(CronError) as refusal:
        read_cron("75 25 0 * 9")
    assert [message.split(":")[0] for message in refusal.value.messages] == [
        "minute",
        "hour",
        "day of month",
        "day of week",
    ]


@pytest.mark.long
@settings(derandomize=True, max_examples=2000, deadline=None, database=None)
@given(st.one_of(st.text(max_size=40), st.text("0123456789*,-/#?LWHMONFRISUNJAND@ ", max_size=40)))
def test_any_text_is_read_or_refused_with_sentences(text: str) -> None:
    try:
        cron = read_cron(text)
    except CronError as error:
        assert error.messages
        assert all(message.endswith((".", "?")) for message in error.messages)
    else:
        assert len(cron.parts) in (6, 7)
        assert read_cron(tidy(text)).parts == cron.parts


@pytest.mark.long
@settings(derandomize=True, max_examples=400, deadline=None, database=None)
@given(data=st.data())
def test_a_range_with_a_step_names_exactly_the_numbers_of_the_range(data: st.DataObject) -> None:
    """The time fields one by one, also with ranges of one number and steps beyond the field."""
    index = data.draw(st.integers(0, 2))
    rule = FIELDS[index]
    low = data.draw(st.integers(rule.low, rule.high))
    high = data.draw(st.integers(low, rule.high))
    step = data.draw(st.integers(1, 70))
    words = ["*"] * 6
    words[index] = f"{low}-{high}/{step}"
    cron = read_cron(" ".join(words))
    assert (cron.seconds, cron.minutes, cron.hours)[index] == tuple(range(low, high + 1, step))


@st.composite
def plain_fields(draw: st.DrawFn, index: int) -> str:
    rule = FIELDS[index]
    high = 6 if rule.high == 7 else 28 if rule.high == 31 else rule.high
    first = draw(st.integers(rule.low, high - 1))
    last = draw(st.integers(first + 1, high))  # croniter reads 5-5 as the whole field
    step = draw(st.integers(1, 20))
    several = ",".join(str(n) for n in draw(st.lists(st.integers(rule.low, high), min_size=1, max_size=4)))
    return draw(st.sampled_from(["*", f"*/{step}", str(first), several, f"{first}-{last}"]))


@pytest.mark.long
@settings(derandomize=True, max_examples=300, deadline=None, database=None)
@given(fields=st.tuples(*(plain_fields(index) for index in range(1, 6))), start=st.integers(0, 20 * 365 * 86400))
def test_croniter_names_the_same_instants_in_utc(fields: tuple[str, ...], start: int) -> None:
    minute, hour, dom, month, dow = fields
    if dom != "*" and dow != "*":
        dow = "*"  # with two day fields, croniter does not follow Debian's rule about the star
    begin = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=start)
    expression = f"{minute} {hour} {dom} {month} {dow}"
    oracle = croniter(expression, begin)
    expected = [oracle.get_next(datetime) for _ in range(5)]
    found = cron_instants(read_cron(expression), "UTC", POLICIES, begin, expected[-1])
    assert list(found) == expected
