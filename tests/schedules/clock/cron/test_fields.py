"""Each field of a cron expression is read into numbers, and each mistake gets a sentence that says what to write."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.clock.cron.expression import read_cron
from schedules.clock.cron.fields import FIELDS, MAX_LENGTH, NICKNAMES, CronError, read_parts, tidy


def parts(text: str) -> str:
    """Return the six fields that an expression is read as, separated by spaces."""
    return " ".join(read_parts(text))


def errors_of(text: str) -> list[str]:
    with pytest.raises(CronError) as caught:
        read_parts(text)
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
    assert read_parts(f"  {nickname.upper()} ") == read_parts(NICKNAMES[nickname])


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
        ("0 0 1,? * *", "day of month: ? must be alone in the field, and only day of month and day of week allow it."),
        ("H/5 * * * *", "minute: H (a hashed time) is not supported; name a time, or use jitter to spread load."),
        ("H(0-7) * * * *", "minute: H (a hashed time) is not supported; name a time, or use jitter to spread load."),
        ("0 0 * * MON#0", 'day of week: the number after # in "MON#0" must be from 1 to 5.'),
        ("0 0 * * 8#1", "day of week: 8 is not in 0-7."),
    ],
)
def test_a_mistake_is_named_with_its_field_and_what_is_allowed(text: str, sentence: str) -> None:
    assert errors_of(text) == [sentence]


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("50-10 * * * *", "50-59,0-10"),
        ("59-0 * * * *", "59,0"),
        ("59-10 * * * *", "59,0-10"),
        ("0 0 25-5 * *", "25-31,1-5"),
        ("0 0 31-1 * *", "31,1"),
        ("0 0 * NOV-FEB *", "11-12,1-2"),
        ("0 0 * * SAT-MON", "6,0-1"),
        ("0 0 * * 7-1", "0-1"),
        ("0 0 * * 7-0", "0"),
        ("50-10/7 * * * *", "50,57,4"),
        ("0 0 * * 7-4/2", "0,2,4"),
    ],
)
def test_a_backward_range_is_refused_with_items_that_say_the_same(text: str, instead: str) -> None:
    mistake = next(word for word in text.split() if "-" in word)
    (sentence,) = errors_of(text)
    assert sentence.endswith(f': the range "{mistake}" runs backwards; write {instead}.')


@pytest.mark.parametrize("place", range(len(FIELDS)), ids=[rule.name for rule in FIELDS])
def test_the_items_to_write_instead_of_any_backward_range_mean_the_same(place: int) -> None:
    rule = FIELDS[place]
    size = 7 if rule.name == "day of week" else rule.high - rule.low + 1
    members = ("seconds", "minutes", "hours", "days", "months", "weekdays")
    numbers = {*range(rule.low, rule.high, 1 + size // 20), rule.high}  # every weekday and month, some of the others
    for first, last, step in product(numbers, numbers, (1, 2, 5)):
        if last < first:
            words = ["0", "0", "0", "*", "*", "*"]
            words[place] = f"{first}-{last}/{step}"
            (sentence,) = errors_of(" ".join(words))
            words[place] = sentence.removesuffix(".").rpartition("; write ")[2]
            found = getattr(read_cron(" ".join(words)).sim, members[place])
            offsets = range(first - rule.low, first - rule.low + (last - first) % size + 1, step)
            assert {rule.low + (number - rule.low) % size for number in found} == {
                rule.low + offset % size for offset in offsets
            }, sentence


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("   ", "is empty: write five fields"),
        ("5", "has 1 field, but needs 5 "),
        ("* * * *", "has 4 fields, but needs 5 "),
        ("0 0 0 1 1 * 2027", "has 7 fields, but a cron expression has 5 or 6 fields and no year."),
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
    assert read_parts(longest)
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
    once = read_parts(" ".join(fields))
    assert read_parts(" ".join(once)) == once
