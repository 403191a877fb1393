"""Proves that ids are UUIDs of version 7 that sort by their instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOW
from values.ids import lowest_id, new_id, uuid7

instants = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def instant_of(value: UUID) -> datetime:
    """Return the time in the first 48 bits."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value.int >> 80)


@given(instants)
def test_an_id_is_a_uuid_of_version_7_that_contains_its_instant(at: datetime) -> None:
    value = uuid7(at)
    assert (value.version, value.variant) == (7, RFC_4122)
    assert timedelta(0) <= at - instant_of(value) < timedelta(milliseconds=1)


@given(instants, st.timedeltas(timedelta(milliseconds=1), timedelta(days=1000)))
def test_ids_sort_by_their_instants(at: datetime, later: timedelta) -> None:
    if at.year < 9990:
        assert uuid7(at) < uuid7(at + later)


def test_a_new_id_contains_the_present_instant() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    assert before < instant_of(new_id()) <= datetime.now(UTC)


def test_two_ids_of_one_instant_differ() -> None:
    assert len({uuid7(NOW) for _ in range(1000)}) == 1000


@given(instants)
def test_the_lowest_id_is_a_lower_bound_for_the_ids_of_its_millisecond(at: datetime) -> None:
    assert lowest_id(at) < uuid7(at)
    assert instant_of(lowest_id(at)) == instant_of(uuid7(at))


def test_the_lowest_id_of_an_instant_before_1970_is_zero() -> None:
    assert lowest_id(datetime.min.replace(tzinfo=UTC)).int == 0
