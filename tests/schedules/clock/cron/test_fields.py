"""Each field of a cron expression is read into numbers, and each mistake gets a sentence that says what to write."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.clock.cron.errors import CronError
from schedules.clock.cron.fields import MAX_LENGTH, NICKNAMES, field_of_key, read_items, tidy
from schedules.clock.cron.rules import FIELDS


def parts(text: str) -> str:
    """Return the fields that an expression is read as, separated by spaces; the year only if it is limited."""
    return " ".join(field_of_key(items, "").text for items in read_items(text)).removesuffix(" *")


def errors_of(text: str) -> list[str]:
    with pytest.raises(CronError) as caught:
        read_items(text)
    return caught.value.messages


@pytest.mark.parametrize(
    ("text", "read"),
    [
        pytest.param("5 4 3 2 1", "0 5 4 3 2 1", id="five fields get second 0"),
        pytest.param("6 5 4 3 2 1", "6 5 4 3 2 1", id="six fields keep their second"),
        pytest.param("  5\t4  3 2\n1 ", "0 5 4 3 2 1", id="any blanks separate fields"),
        pytest.param("05 004 03 02 01", "0 5 4 3 2 1", id="leading zeros are dropped"),
        pytest.param("0 0 ? * MON", "0 0 0 * * 1", id="? as the day of month"),
        pytest.param("0 0 1 * ?", "0 0 0 1 * *", id="? as the day of week"),
        pytest.param("0 0 * jan-DEC *", "0 0 0 * 1-12 *", id="months by name in any case"),
        pytest.param("0 0 * * sun,MON,Sat", "0 0 0 * * 0,1,6", id="weekdays by name in any case"),
        pytest.param("0 0 * * 7", "0 0 0 * * 7", id="Sunday as 7"),
        pytest.param("0 0 * * FRI-SUN", "0 0 0 * * 5-7", id="a range that ends with Sunday"),
        pytest.param("0 0 * * SUN-FRI", "0 0 0 * * 0-5", id="a range that starts with Sunday"),
        pytest.param("0 0 * * SUN-SUN", "0 0 0 * * 0", id="a range of Sunday alone"),
        pytest.param("5-5/10 * * * *", "0 5 * * * *", id="a range of one number drops its step"),
        pytest.param("5/10 * * * *", "0 5/10 * * * *", id="a step from a number"),
        pytest.param("10-30/05 * * * *", "0 10-30/5 * * * *", id="a step in a range"),
        pytest.param("*/015 * * * *", "0 */15 * * * *", id="a step with a leading zero"),
        pytest.param("0 0 L * *", "0 0 0 L * *", id="the last day"),
        pytest.param("0 0 lw * *", "0 0 0 LW * *", id="the last weekday in lower case"),
        pytest.param("0 0 * * FRIL", "0 0 0 * * 5L", id="the last Friday by name"),
        pytest.param("0 0 * * mon#2", "0 0 0 * * 1#2", id="the second Monday by name"),
        pytest.param("0 0 1,L 2,4 *", "0 0 0 1,L 2,4 *", id="lists"),
        pytest.param("59 59 23 31 12 7", "59 59 23 31 12 7", id="the highest number of each field"),
        pytest.param("0 0 0 1 1 0", "0 0 0 1 1 0", id="the lowest number of each field"),
    ],
)
def test_a_field_is_read_as_numbers_and_upper_case_letters(text: str, read: str) -> None:
    assert parts(text) == read


@pytest.mark.parametrize("nickname", list(NICKNAMES))
def test_a_nickname_is_read_in_any_case_and_with_blanks_around_it(nickname: str) -> None:
    assert parts(f"  {nickname.upper()} ") == parts(NICKNAMES[nickname])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("60 * * * *", "minute: 60 is not in 0-59."),
        ("60 * * * * *", "second: 60 is not in 0-59."),
        ("0 0 32 * *", "day of month: 32 is not in 1-31."),
        ("0 0 * 0 *", "month: 0 is not in 1-12."),
        ("0 0 * foo *", 'month: "FOO" is not allowed: use 1-12 or JAN-DEC.'),
        ("0 0 * * january", 'day of week: "JANUARY" is not allowed: use 0-7 or SUN-SAT.'),
        ("5- * * * *", "minute: a number is missing: use 0-59."),
        ("1, * * * *", "minute: a list item is empty: remove the extra comma."),
        ("*/ * * * *", 'minute: the step in "*/" must be a whole number of at least 1.'),
        ("*/-1 * * * *", 'minute: the step in "*/-1" must be a whole number of at least 1.'),
        ("0 0 1,? * *", "day of month: ? must be alone in the field, where it means the same as *."),
        ("?/5 * * * *", "minute: ? must be alone in the field, where it means the same as *."),
        ("0 0 * * MON#0", 'day of week: the number after # in "MON#0" must be from 1 to 5, or L for the last one.'),
        ("0 0 L-31 * *", 'day of month: the number after L- in "L-31" must be from 1 to 30.'),
        ("0 0 32W * *", "day of month: 32 is not in 1-31."),
        (
            "0 0 1-5W * *",
            'day of month: W in "1-5W" must follow a single day: '
            + "write 15W for the weekday nearest to the 15th, or LW for the last weekday.",
        ),
        ("0 0 0 1 1 * 1969", "year: 1969 is not in 1970-2099."),
        ("0 0 0 1 1 * 2100", "year: 2100 is not in 1970-2099."),
        ("0 0 0 1 1 * 2030-2027", 'year: the range "2030-2027" runs backwards; write 2027-2030.'),
        ("0 0 * * 8#1", "day of week: 8 is not in 0-7."),
        ("0 0 * * 8L", "day of week: 8 is not in 0-7."),
        ("0 9 L-3W-2 * *", 'day of month: "L-3W-2" is not allowed: use 1-31, L, L-3, LW or 15W.'),
        ("0 9 15WL * *", 'day of month: "15WL" is not allowed: use 1-31, L, L-3, LW or 15W.'),
        ("0 9 1-L * *", 'day of month: "1-L" is not allowed: use 1-31, L, L-3, LW or 15W.'),
        ("0 9 * * 15W", 'day of week: 15W belongs to the day of month, as in "0 9 15W * *".'),
        ("0 9 * * LW", 'day of week: LW belongs to the day of month, as in "0 9 LW * *".'),
        ("0 9 * * L-3", 'day of week: L-3 belongs to the day of month, as in "0 9 L-3 * *".'),
        ("0 9 * * W", 'day of week: W belongs to the day of month, as in "0 9 15W * *".'),
        (
            "0 9 L * * ?",
            'hour: L belongs to the day of month, as in "0 9 L * *", or after a weekday, as in FRIL.',
        ),
        (
            "L 9 * * *",
            'minute: L belongs to the day of month, as in "0 9 L * *", or after a weekday, as in FRIL.',
        ),
        ("0 9 MON#2 * *", 'day of month: MON#2 belongs to the day of week, as in "0 9 * * MON#2".'),
        ("0 FRIL * * *", 'hour: FRIL belongs to the day of week, as in "0 9 * * FRIL".'),
        ("0 9 * * FRIL/2", 'day of week: "FRIL/2" is not allowed: use 0-7, SUN-SAT, FRIL or FRI#2.'),
        ("0 9 * * 1-5L", 'day of week: "1-5L" is not allowed: use 0-7, SUN-SAT, FRIL or FRI#2.'),
        ("0 9 * * APRIL", 'day of week: "APRIL" is not allowed: use 0-7 or SUN-SAT.'),
        ("0 9 * * MOM", 'day of week: "MOM" is not allowed: use 0-7 or SUN-SAT. Did you mean "MON"?'),
        ("0 9 * * MON-FRY", 'day of week: "FRY" is not allowed: use 0-7 or SUN-SAT. Did you mean "FRI"?'),
        ("0 9 1 JANURY *", 'month: "JANURY" is not allowed: use 1-12 or JAN-DEC. Did you mean "JANUARY" or "JULY"?'),
    ],
)
def test_a_mistake_is_named_with_its_field_and_what_is_allowed(text: str, sentence: str) -> None:
    assert errors_of(text) == [sentence]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("50-10 * * * *", "0 50-59,0-10 * * * *"),
        ("59-0 * * * *", "0 59,0 * * * *"),
        ("0 22-2 * * *", "0 0 22-23,0-2 * * *"),
        ("0 22-2/2 * * *", "0 0 22,0,2 * * *"),
        ("0 23-1/2 * * *", "0 0 23,1 * * *"),
        ("0 0 25-5 * *", "0 0 0 25-31,1-5 * *"),
        ("0 0 31-1 * *", "0 0 0 31,1 * *"),
        ("0 0 * NOV-FEB *", "0 0 0 * 11-12,1-2 *"),
        ("0 0 * * FRI-MON", "0 0 0 * * 5-6,0-1"),
        ("0 0 * * friday-monday", "0 0 0 * * 5-6,0-1"),
        ("0 0 * * SAT-MON", "0 0 0 * * 6,0-1"),
        ("0 0 * * 7-1", "0 0 0 * * 0-1"),
        ("0 0 * * 7-4", "0 0 0 * * 0-4"),
        ("0 0 * * 7-0", "0 0 0 * * 0"),
        ("50-10/7 * * * *", "0 50,57,4 * * * *"),
        ("0 0 * * 7-4/2", "0 0 0 * * 0,2,4"),
        ("0 0 * * FRI-MON/2", "0 0 0 * * 5,0"),
    ],
)
def test_a_range_that_runs_backwards_continues_at_the_lowest_number(text: str, read: str) -> None:
    assert parts(text) == read


@pytest.mark.parametrize("place", range(len(FIELDS) - 1), ids=[rule.name for rule in FIELDS[:-1]])
def test_any_backward_range_counts_its_steps_across_the_end_of_the_field(place: int) -> None:
    rule = FIELDS[place]
    size = 7 if rule.name == "day of week" else rule.high - rule.low + 1
    numbers = {*range(rule.low, rule.high, 1 + size // 20), rule.high}  # every weekday and month, some of the others
    for first, last, step in product(numbers, numbers, (1, 2, 5)):
        if last < first:
            words = ["0", "0", "0", "*", "*", "*"]
            words[place] = f"{first}-{last}/{step}"
            found = field_of_key(read_items(" ".join(words))[place], "").numbers
            offsets = range(first - rule.low, first - rule.low + (last - first) % size + 1, step)
            assert {rule.low + (number - rule.low) % size for number in found} == {
                rule.low + offset % size for offset in offsets
            }, words


@pytest.mark.parametrize(
    ("text", "read"),
    [
        pytest.param("0 0 15w * *", "0 0 0 15W * *", id="the weekday nearest to a day"),
        pytest.param("0 0 L-3 * *", "0 0 0 L-3 * *", id="a day before the last day"),
        pytest.param("0 0 L-03 * *", "0 0 0 L-3 * *", id="a leading zero"),
        pytest.param("0 0 L-0 * *", "0 0 0 L * *", id="no day before the last day"),
        pytest.param("0 0 L-3W * *", "0 0 0 L-3W * *", id="the weekday nearest to a day before the last day"),
        pytest.param("0 0 * * FRI#L", "0 0 0 * * 5L", id="the last Friday after #"),
        pytest.param("0 0 * * L5", "0 0 0 * * 5L", id="the last Friday after L"),
        pytest.param("0 0 * * fridayL", "0 0 0 * * 5L", id="the last Friday by its full name"),
        pytest.param("0 0 * * Monday#2", "0 0 0 * * 1#2", id="the second Monday by its full name"),
        pytest.param("0 0 * september MONDAY-Friday", "0 0 0 * 9 1-5", id="full names in any case"),
        pytest.param("? ? ? ? ? ?", "* * * * * *", id="? in every field"),
        pytest.param("0 0 9 1 1 ? *", "0 0 9 1 1 *", id="every year"),
        pytest.param("0 0 9 1 1 ? ?", "0 0 9 1 1 *", id="every year as ?"),
        pytest.param("0 0 9 1 1 * 2027", "0 0 9 1 1 * 2027", id="one year"),
        pytest.param("0 0 9 1 1 * 2027-2030,2040", "0 0 9 1 1 * 2027-2030,2040", id="a list of years"),
        pytest.param("0 0 9 1 1 * 2028/4", "0 0 9 1 1 * 2028/4", id="a step of years"),
    ],
)
def test_the_forms_that_quartz_and_other_schedulers_accept_are_read(text: str, read: str) -> None:
    assert parts(text) == read


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("   ", "is empty: write five fields"),
        ("5", "has 1 field, but needs 5 "),
        ("* * * *", "has 4 fields, but needs 5 "),
        ("* * * * * * * *", "has 8 fields, but needs 5 "),
        ("@dialy", '"@dialy" is not a nickname. Use @yearly, '),
        ("0 9 * * \u0661", "has a character that cron does not allow"),
    ],
)
def test_text_that_is_no_expression_is_refused_with_one_sentence(text: str, start: str) -> None:
    (sentence,) = errors_of(text)
    assert sentence.startswith(start)


def test_an_expression_may_have_255_characters_and_no_more() -> None:
    tail = " * * * *"
    longest = "0," * ((MAX_LENGTH - len(tail)) // 2) + "0" + tail
    assert len(longest) == 255
    assert parts(longest)
    assert errors_of(longest + " ") == ["is too long: an expression may have at most 255 characters."]


def test_every_mistake_is_reported_in_the_order_of_the_fields_and_once() -> None:
    assert errors_of("61,61,62 25 * * 9") == [
        "minute: 61 is not in 0-59.",
        "minute: 62 is not in 0-59.",
        "hour: 25 is not in 0-23.",
        "day of week: 9 is not in 0-7.",
    ]


@pytest.mark.parametrize(
    ("text", "stored"),
    [(" @Daily ", "@daily"), ("0  9 * *\tmon-FRI", "0 9 * * mon-FRI"), ("\n*/5 * * * * ", "*/5 * * * *")],
    ids=["a nickname", "names of days", "a line break"],
)
def test_an_expression_is_stored_with_single_blanks_and_otherwise_as_written(text: str, stored: str) -> None:
    assert tidy(text) == stored


def terms_of(low: int, high: int) -> st.SearchStrategy[str]:
    """Valid items for a field with these bounds."""
    numbers = st.integers(low, high)
    ranges = st.tuples(numbers, numbers).map(lambda pair: f"{min(pair)}-{max(pair)}")
    spans = st.one_of(st.just("*"), numbers.map(str), ranges)
    return st.one_of(spans, st.tuples(spans, st.integers(1, 99)).map(lambda pair: f"{pair[0]}/{pair[1]}"))


@settings(max_examples=60)
@given(st.tuples(*(st.lists(terms_of(rule.low, rule.high), min_size=1, max_size=3).map(",".join) for rule in FIELDS)))
def test_what_has_been_read_reads_as_the_same_again(fields: tuple[str, ...]) -> None:
    once = parts(" ".join(fields))
    assert parts(once) == once
