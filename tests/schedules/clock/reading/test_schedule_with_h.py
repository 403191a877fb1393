"""Whether a cron expression with H is accepted does not depend on the key, and an accepted one fires for every key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.clock.occurrences import next_after
from schedules.clock.reading.schedule import parse
from schedules.clock.spec import InvalidSchedule, ScheduleSpec

KEYS = [None, *(f"job {number}" for number in range(60))]
EARLY = datetime(1969, 12, 31, tzinfo=UTC)

PIECES = st.sampled_from(
    ["H", "H(1-7)", "H(29-31)", "H(30-31)", "H(2-2)", "H(1-12)/5", "H(0-7)", "H/3", "H/31", "h(2-4)", "H(1-31)"]
    + ["H(", "H()", "H/0", "HH", "H(5-1)", "H(feb-apr)", "H(sun-sat)", "1", "2", "29", "30", "31", "4,6", "L", "L-30"]
    + ["31W", "*", "?", "*/31", "*/7", "MON#5", "FRIL", "2027", "2028/4", "", "H(0-59)/59"]
)
LISTS = st.lists(PIECES, min_size=1, max_size=3).map(",".join)
EXPRESSIONS = st.one_of(
    st.lists(LISTS, min_size=3, max_size=3).map(lambda dates: " ".join(["0 0", *dates])),
    st.tuples(st.lists(PIECES, min_size=5, max_size=5), st.sampled_from(["2027", "2028", "2027-2030"])).map(
        lambda fields: " ".join(["H", *fields[0], fields[1]])
    ),
    st.lists(LISTS, min_size=4, max_size=8).map(" ".join),
)


def read(cron: str, key: str | None, **more: object) -> ScheduleSpec:
    return parse({"cron": cron, "hash_key": key, **more}, min_interval=timedelta(seconds=1))


def refusal(cron: str, key: str | None) -> dict[str, list[str]] | None:
    try:
        read(cron, key)
    except InvalidSchedule as error:
        return error.errors
    return None


@pytest.mark.long
@settings(derandomize=True, max_examples=400, deadline=None, database=None)
@given(cron=EXPRESSIONS, keys=st.lists(st.text("abc123é- ", min_size=1, max_size=9), min_size=5, max_size=5))
def test_an_expression_is_refused_for_every_key_or_fires_for_every_key(cron: str, keys: list[str]) -> None:
    refusals = [refusal(cron, key) for key in (None, *keys)]
    assert all(each == refusals[0] for each in refusals)
    if refusals[0] is None:
        assert all(next_after(read(cron, key), EARLY) for key in keys)


@pytest.mark.long
@settings(derandomize=True, max_examples=300, deadline=None, database=None)
@given(cron=EXPRESSIONS, key=st.text(max_size=9), skips=st.booleans())
def test_no_text_with_h_raises_anything_but_invalid_schedule(cron: str, key: str, skips: bool) -> None:
    bounds = {"start_at": "2027-03-14T00:00:00", "end_at": "2027-03-14T12:00:00"} if skips else {}
    try:
        read(cron, key, timezone="America/New_York", dst_gap="skip", **bounds)
    except InvalidSchedule as error:
        assert error.errors


USE_L = "Use L for the last day of the month."
ADVICE = "Write H with a range of numbers that all fire, or write the numbers instead of H."


@pytest.mark.parametrize(
    ("cron", "sentence"),
    [
        (
            "0 0 31 H *",
            (
                "never fires if H as month is 2, 4, 6, 9 or 11: February, April, June, September and November never "
                f"have 31 days. {USE_L} Or write one of 1, 3, 5, 7, 8, 10 or 12 instead of H."
            ),
        ),
        (
            "0 0 H(29-31) 2 *",
            (
                "never fires if H(29-31) as day of month is 30 or 31: February never has 30 days. "
                f"{USE_L} Or write 29 instead of H(29-31)."
            ),
        ),
        (
            "0 0 h(30-31) 2,4 *",
            (
                "never fires if H(30-31) as day of month is 31: February and April never have 31 days. "
                f"{USE_L} Or write 30 instead of H(30-31)."
            ),
        ),
        ("0 0 H(30-31) 2 *", f"never fires: February never has 30 days. {USE_L}"),
        (
            "0 0 H(28-31) H(1-4) *",
            (
                "never fires, for example, if H(28-31) as day of month is 30 and H(1-4) as month is 2: February never "
                f"has 30 days. {USE_L} {ADVICE}"
            ),
        ),
        (
            "0 0 31W H/12 *",
            (
                "never fires if H/12 as month is 2, 4, 6, 9 or 11: no date in month 2,4,6,9,11 matches day of month "
                "31W. Write one of 1, 3, 5, 7, 8, 10 or 12 instead of H/12."
            ),
        ),
        (
            "0 0 0 */31 2 H 2027",
            (
                "never fires if H as day of week is 0, 2, 3, 4, 5 or 6: no date in month 2 of year 2027 matches both "
                "day of month */31 and day of week 0,2,3,4,5,6. Write 1 instead of H."
            ),
        ),
    ],
)
def test_an_h_that_may_stand_for_a_missing_date_is_refused_for_every_key(cron: str, sentence: str) -> None:
    for key in KEYS:
        assert refusal(cron, key) == {"cron": [sentence]}


@pytest.mark.parametrize(
    "cron",
    [
        "0 0 H(29-31) * *",
        "0 0 29 H *",
        "0 0 31 H(7-8) *",
        "0 0 L H *",
        "0 0 31 H MON",
        "0 0 H(30-31),1 2 *",
        "H H H H H",
        "0 0 H,H(1-15) H *",
        "0 0 H/2,H(1-28) H *",
        "0 0 31,H H *",
        "0 0 15,H(29-31) H *",
    ],
)
def test_an_h_whose_every_number_fires_is_accepted_for_every_key(cron: str) -> None:
    for key in KEYS:
        assert next_after(read(cron, key), EARLY)


def test_many_h_in_the_date_fields_are_refused() -> None:
    many = ",".join(f"H(1-{high})" for high in range(3, 12))
    assert refusal("0 0 H(1-29),H(1-30),H(1-31) H *", "a") == {
        "cron": ["has too many H in the day of month, month and day of week: write numbers instead of some of them."]
    }
    assert refusal(f"{many} * * * *", "a") is None
    assert refusal(f"0 0 {many} {many} *", "a") is None  # every month has the days up to 28
    assert refusal(f"0 0 {','.join(['H'] * 40)} H *", "a") is None  # the same number 40 times
