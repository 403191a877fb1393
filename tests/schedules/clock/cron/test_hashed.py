"""H stands for numbers that are computed from a key: stable, in the range that is named, and spread evenly."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.clock.cron.errors import CronError
from schedules.clock.cron.expression import read_cron
from schedules.clock.cron.fields import field_of_key, read_items
from schedules.clock.cron.hashed import uses_hash
from schedules.clock.cron.rules import FIELDS
from schedules.clock.describe import describe
from schedules.clock.notes.warnings import warnings
from schedules.clock.occurrences import occurrences
from schedules.clock.reading.lines import read_lines, write_lines
from schedules.clock.reading.schedule import parse
from schedules.clock.spec import ScheduleSpec, needs_hash_key, to_json, with_hash_key
from schedules.clock.zones.zones import LAST_AT

NOW = datetime(2026, 11, 21, tzinfo=UTC)
KEY = "019a9f5c-7c00-7c3a-9a51-0c2f8f4b1d6e"
SIZES = [60, 60, 24, 28, 12, 7]  # numbers that H alone stands for in each field


def spec(**data: object) -> ScheduleSpec:
    return parse(data, min_interval=timedelta(seconds=1))


def instants(schedule: ScheduleSpec, count: int = 5) -> list[datetime]:
    return list(islice(occurrences(schedule, NOW, LAST_AT), count))


def numbers_of(term: str, index: int, key: str) -> list[int]:
    words = ["0", "0", "0", "*", "*", "*"]
    words[index] = term
    return sorted(field_of_key(read_items(" ".join(words))[index], key).numbers)


def test_the_numbers_of_a_key_never_change() -> None:
    """Fixed values: if they change, each job with H moves to another time."""
    assert read_cron("H H * * *", KEY).parts == ("0", "33", "5", "*", "*", "*")
    assert read_cron("H H(0-5) H * H(MON-FRI)", "report").parts == ("0", "21", "2", "23", "*", "4")
    assert read_cron("H/15 * * * *", KEY).parts == ("0", "3-59/15", "*", "*", "*", "*")


@pytest.mark.long
@settings(derandomize=True, max_examples=400, deadline=None, database=None)
@given(index=st.integers(0, 5), key=st.text(max_size=50), data=st.data())
def test_a_hashed_term_names_every_step_th_number_from_an_offset_below_the_step(
    index: int, key: str, data: st.DataObject
) -> None:
    low = FIELDS[index].low
    high = low + SIZES[index] - 1
    first = data.draw(st.integers(low, high))
    last = data.draw(st.integers(first, high))
    step = data.draw(st.integers(1, last - first + 1))
    found = numbers_of(f"H({first}-{last})/{step}", index, key)
    offset = found[0] - first
    assert 0 <= offset < step
    assert found == [number for number in range(first, last + 1) if (number - first) % step == offset]
    (single,) = numbers_of(f"h({first}-{last})", index, key)
    assert first <= single <= last
    assert low <= numbers_of("H", index, key)[0] <= high


@pytest.mark.parametrize("index", range(6), ids=[rule.name for rule in FIELDS[:-1]])
def test_the_numbers_of_many_keys_are_spread_over_the_whole_field(index: int) -> None:
    counts = Counter(numbers_of("H", index, f"job {number}")[0] for number in range(60 * SIZES[index]))
    assert len(counts) == SIZES[index]
    assert max(counts.values()) < 120  # 60 on average


def test_fields_of_one_key_are_independent() -> None:
    both = {(numbers_of("H", 0, str(key))[0], numbers_of("H", 1, str(key))[0]) for key in range(200)}
    assert sum(second == minute for second, minute in both) < 20


@pytest.mark.parametrize(
    ("term", "sentence"),
    [
        ("H/0", 'minute: the step in "H/0" must be from 1 to 60.'),
        ("H/61", 'minute: the step in "H/61" must be from 1 to 60.'),
        ("H(0-9)/11", 'minute: the step in "H(0-9)/11" must be from 1 to 10.'),
        ("H(9-0)", 'minute: the range in "H(9-0)" runs backwards; write H(0-9).'),
        ("H(0-60)", "minute: 60 is not in 0-59."),
        ("H(5)", 'minute: "H(5)" is not allowed: write H, H(0-5), H/3 or H(0-5)/3.'),
        ("H-5", 'minute: "H-5" is not allowed: write H, H(0-5), H/3 or H(0-5)/3.'),
        ("HH", 'minute: "HH" is not allowed: write H, H(0-5), H/3 or H(0-5)/3.'),
    ],
)
def test_an_invalid_h_is_refused_with_what_to_write(term: str, sentence: str) -> None:
    with pytest.raises(CronError) as refusal:
        read_cron(f"{term} * * * *")
    assert refusal.value.messages == [sentence]


def test_a_year_has_no_h() -> None:
    with pytest.raises(CronError, match="year: H is not allowed: name the years"):
        read_cron("0 0 0 1 1 * H")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("H * * * *", True),
        ("0 h/3 * * *", True),
        ("0 1,H(2-3) * * *", True),
        ("0 0 * * THU", False),
        ("@hourly", False),
    ],
)
def test_an_expression_with_h_is_recognized(text: str, expected: bool) -> None:
    assert uses_hash(text) is expected


def test_a_schedule_with_a_key_reads_back_and_fires_at_the_numbers_of_the_key() -> None:
    keyed = with_hash_key(spec(cron="H H * * *", timezone="Europe/Paris"), KEY)
    assert to_json(keyed)["hash_key"] == KEY
    assert parse(to_json(keyed), min_interval=timedelta(0)) == keyed
    assert instants(keyed) == instants(spec(cron="33 5 * * *", timezone="Europe/Paris"))
    assert read_lines(write_lines([keyed], "UTC", lambda at, zone: at.isoformat())) == [to_json(keyed)]


def test_a_key_is_set_only_where_an_h_has_none() -> None:
    schedule = spec(specs=[{"cron": "H 1 * * *"}, {"cron": "H 2 * * *", "hash_key": "own"}, {"cron": "0 3 * * *"}])
    assert needs_hash_key(schedule)
    keyed = with_hash_key(schedule, KEY)
    assert [member.hash_key for member in keyed.specs] == [KEY, "own", None]
    assert not needs_hash_key(keyed)
    assert spec(cron="0 3 * * *", hash_key="dropped").hash_key is None


# Clocks in New York skip 02:00 to 03:00 on 14 March 2027.
@pytest.mark.parametrize(
    ("expression", "expected"),
    [("H(30-30) H(2-2) 14 3 *", ["03:00"]), ("H/30 2 14 3 *", ["03:00"]), ("*/30 H(2-2) 14 3 *", [])],
)
def test_an_h_follows_clock_changes_like_the_numbers_that_it_stands_for(expression: str, expected: list[str]) -> None:
    schedule = with_hash_key(spec(cron=expression, timezone="America/New_York"), KEY)
    day = datetime(2027, 3, 14, 5, tzinfo=UTC)
    found = occurrences(schedule, day, day + timedelta(hours=20))
    assert [f"{at - timedelta(hours=4):%H:%M}" for at in found] == expected


def test_a_schedule_without_a_key_is_described_as_an_example() -> None:
    schedule = spec(cron="H H * * *")
    numbers = " ".join(read_cron("H H * * *").parts[1:])
    assert describe(schedule).endswith(" every day, for example (UTC)")
    assert warnings(schedule, NOW) == [
        (
            "Each H stands for a number that is computed from the job's id. The id is not known here, so the times are "
            f"only an example: “{numbers}”."
        )
    ]
    keyed = with_hash_key(schedule, KEY)
    assert describe(keyed) == "At 05:33 every day (UTC)"
    assert warnings(keyed, NOW) == [
        (
            "Each H stands for a number that is computed from the job's id or hash_key: here the expression is "
            "“33 5 * * *”."
        )
    ]


@pytest.mark.parametrize(("key", "words"), [("", "from 1 to 200"), ("x" * 201, "from 1 to 200"), ("a\nb", "printable")])
def test_an_invalid_key_is_refused(key: str, words: str) -> None:
    with pytest.raises(ValueError, match=f"hash_key: must .*{words}"):
        spec(cron="H * * * *", hash_key=key)
