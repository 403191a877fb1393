"""Every date that an expression names is the date that slow and independent implementations name."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.clock.cron.errors import CronError
from schedules.clock.cron.expression import Cron, read_cron
from schedules.clock.zones.local_times import Fold, Gap, cron_instants
from tests.schedules.clock.oracle import date_fits, fits

POLICIES = (Gap.SHIFT, Fold.FIRST)
DAY = timedelta(days=1)


def dates_of(cron: Cron, year: int, n_years: int = 1) -> list[date]:
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + n_years, 1, 1, tzinfo=UTC)
    found = cron_instants(cron, "UTC", POLICIES, start - timedelta(seconds=1), end - timedelta(seconds=1))
    return [at.date() for at in found]


def days_of(year: int, n_years: int = 1) -> list[date]:
    first, end = date(year, 1, 1), date(year + n_years, 1, 1)
    return [first + DAY * n for n in range((end - first).days)]


@pytest.mark.parametrize(
    ("expression", "year", "expected"),
    [
        pytest.param("0 0 1W 5 *", 2027, "2027-05-03", id="the 1st is a Saturday: not the last day of April"),
        pytest.param("0 0 1W 8 *", 2027, "2027-08-02", id="the 1st is a Sunday"),
        pytest.param("0 0 31W 1 *", 2027, "2027-01-29", id="the last day is a Sunday: not 1 February"),
        pytest.param("0 0 31W 7 *", 2027, "2027-07-30", id="the last day is a Saturday"),
        pytest.param("0 0 29W 2 *", 2032, "2032-02-27", id="29 February is a Sunday"),
        pytest.param("0 0 15W 8 *", 2027, "2027-08-16", id="a Sunday moves to Monday"),
        pytest.param("0 0 14W 8 *", 2027, "2027-08-13", id="a Saturday moves to Friday"),
        pytest.param("0 0 L-2W 5 *", 2027, "2027-05-28", id="the 29th is a Saturday"),
        pytest.param("0 0 LW 10 *", 2027, "2027-10-29", id="the last weekday"),
        pytest.param("0 0 L-3 2 *", 2028, "2028-02-26", id="three days before 29 February"),
    ],
)
def test_the_nearest_weekday_never_leaves_its_month(expression: str, year: int, expected: str) -> None:
    assert dates_of(read_cron(expression), year) == [date.fromisoformat(expected)]


@pytest.mark.parametrize(
    ("dom", "month", "absent"), [("31W", "4", True), ("30W", "2", True), ("L-30", "4", True), ("L-30", "5", False)]
)
def test_a_month_that_is_too_short_for_the_day_is_skipped(dom: str, month: str, absent: bool) -> None:
    cron = read_cron(f"0 0 {dom} {month},12 *")
    assert {day.month for day in dates_of(cron, 2027)} == ({12} if absent else {int(month), 12})


@pytest.mark.parametrize(
    ("dom", "dow", "expected"),
    [
        pytest.param("15W", "?", ["01-15"], id="? as the day of week restricts nothing"),
        pytest.param("?", "FRI#L", ["01-29"], id="? as the day of month restricts nothing"),
        pytest.param("15W", "MON", ["01-04", "01-11", "01-15", "01-18", "01-25"], id="15W or a Monday"),
        pytest.param("L-3", "FRI#L", ["01-28", "01-29"], id="L-3 or the last Friday"),
        pytest.param("?", "?", [f"01-{day:02d}" for day in range(1, 32)], id="? in both"),
    ],
)
def test_a_question_mark_joins_the_day_fields_like_a_star(dom: str, dow: str, expected: list[str]) -> None:
    assert [day.strftime("%m-%d") for day in dates_of(read_cron(f"0 0 {dom} 1 {dow}"), 2027)] == expected


@pytest.mark.parametrize(
    ("years", "expected"),
    [
        ("2027", [2027]),
        ("2027,2029", [2027, 2029]),
        ("2027-2029", [2027, 2028, 2029]),
        ("2028-2040/4", [2028, 2032, 2036, 2040]),
        ("2090/3", [2090, 2093, 2096, 2099]),
        ("2099", [2099]),
    ],
)
def test_a_year_limits_the_dates_and_the_last_one_ends_the_schedule(years: str, expected: list[int]) -> None:
    cron = read_cron(f"0 0 0 1 1 ? {years}")
    found = cron_instants(cron, "UTC", POLICIES, datetime(2026, 6, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC))
    assert [at.year for at in found] == expected


def test_a_year_in_the_past_is_read_and_has_no_later_date() -> None:
    cron = read_cron("0 0 0 1 1 ? 1999")
    until = datetime(9998, 1, 1, tzinfo=UTC)
    assert list(cron_instants(cron, "UTC", POLICIES, datetime(2026, 6, 1, tzinfo=UTC), until)) == []
    assert [at.year for at in cron_instants(cron, "UTC", POLICIES, datetime(1960, 6, 1, tzinfo=UTC), until)] == [1999]


CLASSIC_DOM = ["*", "*/2", "1-7", "L", "LW", "13", "29-31", "1,15,L", "*/31", "?"]
CLASSIC_DOW = ["*", "?", "0", "7", "MON-FRI", "FRI#1", "1#5", "2L", "SUN,TUE#3", "*/3", "SATL,1"]
NEW_DOM = ["15W", "1W", "31W", "30W,2", "L-3", "L-1,L", "L-30", "L-2W", "LW,1W", "25-5", "30-2/2", "28-3/3,10"]
NEW_DOW = ["FRI-MON", "5-1/2", "SAT-TUE", "7-4", "7-4/2", "friday#L", "MONDAY", "sunday,WEDNESDAY#3", "Thu-sun", "4#L"]
MONTHS = ["*", "?", "2", "FEB,APR", "6-8", "*/5", "NOV-FEB", "11-3/2", "september-January"]


@pytest.mark.long
@settings(derandomize=True, max_examples=400, deadline=None, database=None)
@given(
    dom=st.sampled_from([*CLASSIC_DOM, *NEW_DOM]),
    month=st.sampled_from(MONTHS),
    dow=st.sampled_from([*CLASSIC_DOW, *NEW_DOW]),
    year=st.integers(1999, 2101),
)
def test_every_date_of_a_year_matches_exactly_when_the_oracle_says_so(
    dom: str, month: str, dow: str, year: int
) -> None:
    expression = f"0 0 {dom} {month} {dow}"
    try:
        cron = read_cron(expression)
    except CronError as error:
        assert "never fires" in error.messages[0]
        # 40 years: every combination of date, weekday and leap year occurs in them.
        assert not any(date_fits(expression, day) for day in days_of(2000, 40))
        return
    assert dates_of(cron, year) == [day for day in days_of(year) if date_fits(expression, day)]


@pytest.mark.long
@settings(derandomize=True, max_examples=150, deadline=None, database=None)
@given(
    dom=st.sampled_from(["*", "29", "15W", "L"]),
    month=st.sampled_from(["2", "*/6", "12-1"]),
    dow=st.sampled_from(["*", "0", "FRI#L"]),
    years=st.sampled_from(["*", "2027", "2028-2036/4", "1999,2099", "2090/3", "2030-2033", "1970"]),
    start=st.integers(1969, 2100),
)
def test_every_date_of_three_years_matches_the_oracle_with_years(
    dom: str, month: str, dow: str, years: str, start: int
) -> None:
    expression = f"0 0 0 {dom} {month} {dow} {years}"
    try:
        cron = read_cron(expression)
    except CronError as error:
        assert "never fires" in error.messages[0]
        assert not any(date_fits(expression, day) for day in days_of(1970, 130))
        return
    assert dates_of(cron, start, 3) == [day for day in days_of(start, 3) if date_fits(expression, day)]


@pytest.mark.long
@settings(derandomize=True, max_examples=300, deadline=None, database=None)
@given(
    second=st.sampled_from(["0", "*", "*/7", "50-10/20"]),
    minute=st.sampled_from(["0", "*", "*/15", "50-10", "59-1", "7,45-5/10"]),
    hour=st.sampled_from(["*", "9", "22-2", "22-2/2", "23-0", "?", "*/5", "18-6/3"]),
    at=st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001  naive local times
)
def test_the_next_time_of_day_is_the_first_one_that_the_oracle_accepts(
    second: str, minute: str, hour: str, at: datetime
) -> None:
    expression = f"{second} {minute} {hour} * * *"
    at = at.replace(microsecond=0)
    found = read_cron(expression).new_finder().after(at)
    assert found is not None
    assert fits(expression, found)
    # Nothing fits in between: check the hours that pass, and each second of the last ten minutes.
    step = max(at + timedelta(seconds=1), found - timedelta(minutes=10))
    while step < found:
        assert not fits(expression, step), step
        step += timedelta(seconds=1)


@pytest.mark.long
@settings(derandomize=True, max_examples=300, deadline=None, database=None)
@given(
    second=st.sampled_from(["0", "*/20", "7"]),
    minute=st.sampled_from(["0", "*", "*/15", "5,35"]),
    hour=st.sampled_from(["*", "9", "*/5", "9-17", "0,23"]),
    dom=st.sampled_from([text for text in CLASSIC_DOM if text != "?"]),
    month=st.sampled_from(["*", "2", "FEB,APR", "6-8", "*/5"]),
    dow=st.sampled_from([text for text in CLASSIC_DOW if text != "?"]),
    start=st.integers(0, 40 * 365 * 86400),
)
def test_cronsim_names_the_same_local_times(
    second: str, minute: str, hour: str, dom: str, month: str, dow: str, start: int
) -> None:
    expression = f"{second} {minute} {hour} {dom} {month} {dow}"
    local = (datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=start)).replace(tzinfo=None)
    try:
        finder = read_cron(expression).new_finder()
    except CronError:
        return
    oracle = CronSim(expression.replace("SATL", "6L"), local)
    for expected in islice(oracle, 5):
        found = finder.after(local)
        assert found == expected
        local = expected
