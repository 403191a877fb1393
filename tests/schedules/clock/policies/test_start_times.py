"""Jitter spreads starts evenly and keeps their order, and a catch-up never starts runs faster than its pace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.clock.occurrences import next_after, occurrences
from schedules.clock.policies import start_times
from schedules.clock.policies.start_times import (
    Pacing,
    delayed_starts,
    hashed_start,
    jittered,
    latest_start,
    latest_starts,
)
from schedules.clock.reading.schedule import parse
from schedules.clock.spec import ScheduleSpec
from schedules.clock.zones.zones import LAST_AT

NOW = datetime(2027, 3, 14, 5, tzinfo=UTC)
JOB = UUID("019aa35e-0000-7000-8000-000000000001")
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
SCHEDULES: list[object] = [
    {"cron": "*/7 * * * *"},
    {"cron": "30 1,2 * * *", "timezone": "America/New_York", "dst_fold": "both"},
    {"every": "90s", "anchor_at": "2027-01-01T00:00Z"},
    {"solar": "sunset", "latitude": 52.5, "longitude": 13.4},
    [{"cron": "*/5 * * * *"}, {"cron": "*/7 * * * *"}],
]


def spec(data: object) -> ScheduleSpec:
    return parse(data, min_interval=timedelta(0))


@pytest.mark.long
@settings(derandomize=True, max_examples=200, deadline=None, database=None)
@given(st.sampled_from(SCHEDULES), st.uuids(), st.timedeltas(timedelta(microseconds=1), DAY))
def test_jittered_starts_are_stable_within_the_jitter_and_in_order(
    data: object, job_id: UUID, jitter: timedelta
) -> None:
    schedule = spec(data)
    instants = list(islice(occurrences(schedule, NOW, LAST_AT), 5))
    found = [jittered(schedule, job_id, at, jitter) for at in instants]
    assert found == [jittered(spec(data), UUID(str(job_id)), at, jitter) for at in instants]
    for at, start_at in zip(instants, found, strict=True):
        following = next_after(schedule, at)
        assert following is not None
        assert start_at == hashed_start(job_id, at, latest_start(schedule, at, jitter))
        assert at <= start_at < min(at + jitter, following) == latest_start(schedule, at, jitter)
    assert all(start_at < later for start_at, later in pairwise(found))


@pytest.mark.parametrize("data", [*SCHEDULES, {"at": "2027-03-15T00:00Z"}, {"delay": "15m"}])
@pytest.mark.parametrize("jitter", [timedelta(0), SECOND, DAY])
def test_latest_starts_searches_the_next_occurrence_of_the_last_instant_only(
    data: object, jitter: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = spec(data)
    instants = list(islice(occurrences(schedule, NOW, LAST_AT), 20))
    expected = [latest_start(schedule, at, jitter) for at in instants]
    searched: list[datetime] = []

    def record_search(of: ScheduleSpec, after: datetime) -> datetime | None:
        searched.append(after)
        return next_after(of, after)

    monkeypatch.setattr(start_times, "next_after", record_search)
    assert latest_starts(schedule, instants, jitter) == expected
    assert searched in ([], instants[-1:])
    assert latest_starts(schedule, [], jitter) == []


def test_starts_are_spread_over_the_whole_jitter_by_job_and_by_instant() -> None:
    daily = spec({"cron": "0 0 * * *"})
    jobs = [UUID(int=number) for number in range(1000)]
    offsets = [jittered(daily, job, NOW, timedelta(hours=1)) - NOW for job in jobs]
    for quarter in range(4):
        low, high = quarter * timedelta(minutes=15), (quarter + 1) * timedelta(minutes=15)
        # 250 of 1000 jobs are expected in each quarter. The hash is fixed, so the test cannot fail by chance.
        assert 200 < sum(low <= offset < high for offset in offsets) < 300
    days = list(islice(occurrences(daily, NOW, LAST_AT), 100))
    assert len({jittered(daily, JOB, at, timedelta(hours=1)) - at for at in days}) == 100


def test_no_jitter_delays_nothing_and_no_next_occurrence_limits_no_jitter() -> None:
    once, delay = spec({"at": "2027-03-14T06:00Z"}), spec({"delay": "1s"})
    assert jittered(once, JOB, NOW, timedelta(0)) == NOW
    assert latest_start(once, NOW + timedelta(hours=1), DAY) == NOW + timedelta(hours=1) + DAY
    assert latest_start(delay, NOW, DAY) == NOW + DAY


def test_missed_occurrences_start_a_pace_apart_and_those_on_time_at_once() -> None:
    pairs = [(NOW - n * SECOND, NOW - n * SECOND) for n in (30, 20, 10, 1)]
    assert delayed_starts(pairs, NOW, Pacing(5 * SECOND, 2 * SECOND, None)) == {
        NOW - 30 * SECOND: NOW,
        NOW - 20 * SECOND: NOW + 2 * SECOND,
        NOW - 10 * SECOND: NOW + 4 * SECOND,
    }
    # The next pass continues one pace after the last start that the first pass gave out.
    again = delayed_starts(pairs[:1], NOW + SECOND, Pacing(5 * SECOND, 2 * SECOND, NOW + 4 * SECOND))
    assert again == {NOW - 30 * SECOND: NOW + 6 * SECOND}
    # A catch-up of yesterday delays nothing today.
    long_ago = delayed_starts(pairs[:1], NOW, Pacing(5 * SECOND, 2 * SECOND, NOW - DAY))
    assert long_ago == {NOW - 30 * SECOND: NOW}


@settings(derandomize=True, max_examples=200, deadline=None, database=None)
@given(
    st.lists(st.integers(0, 1000), min_size=1, max_size=30, unique=True),
    st.integers(0, 600),
    st.integers(0, 30),
    st.none() | st.integers(-100, 100),
)
def test_starts_of_a_catch_up_are_a_pace_apart_and_not_before_now(
    ages: list[int], jitter: int, pace: int, last: int | None
) -> None:
    hourly, long = spec({"every": "1s", "anchor_at": NOW.isoformat()}), timedelta(seconds=jitter)
    instants = [NOW - age * SECOND for age in sorted(ages, reverse=True)]
    pairs = [(at, jittered(hourly, JOB, at, long)) for at in instants]
    last_at = None if last is None else NOW + last * SECOND
    found = delayed_starts(pairs, NOW, Pacing(5 * SECOND, pace * SECOND, last_at))
    missed = [found[at] for at in instants if at < NOW - 5 * SECOND]
    assert all(later - earlier >= pace * SECOND for earlier, later in pairwise(missed))
    assert all(start_at >= NOW for start_at in missed)
    assert not missed or last_at is None or missed[0] >= last_at + pace * SECOND or missed[0] == NOW
