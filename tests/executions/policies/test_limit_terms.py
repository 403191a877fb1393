"""Proves which held runs wait for the same limits, when a rate lets a run start, and the order of priorities."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executions.policies.limits import TERMS_LENGTH, ConcurrencyLimit, Priority, RateLimit, admit_at, terms
from tests.factories import NOW

SECOND = timedelta(seconds=1)
CONCURRENCY = ("job:1", ConcurrencyLimit(limit=2))
RATE = ("key:mail", RateLimit(limit=6))
PER_MINUTE: dict[str, Any] = {"limit": 6, "per": timedelta(minutes=1)}  # a start each 10 s


def test_runs_without_limits_have_no_terms() -> None:
    assert terms(None, None) == ""


def test_equal_limits_have_equal_terms() -> None:
    assert terms(CONCURRENCY, RATE) == terms(("job:1", ConcurrencyLimit(limit=2)), ("key:mail", RateLimit(limit=6)))
    assert len(terms(CONCURRENCY, RATE)) == TERMS_LENGTH


def test_every_difference_between_limits_gives_other_terms() -> None:
    found = [
        terms(CONCURRENCY, None),
        terms(None, RATE),
        terms(CONCURRENCY, RATE),
        terms(("job:2", ConcurrencyLimit(limit=2)), None),
        terms(("job:1", ConcurrencyLimit(limit=3)), None),
        terms(("job:1", ConcurrencyLimit(limit=2, beyond="skip")), None),
        terms(None, ("key:mail", RateLimit(limit=6, burst=2))),
        terms(None, ("key:mail", RateLimit(limit=6, per="2m"))),
        terms(None, ("job:1", RateLimit(limit=2))),
    ]

    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("burst", "arrives", "may", "then"),
    [
        (1, None, 0, 10),
        (1, -60, 0, 10),
        (1, 0, 0, 10),
        (1, 10, 10, 20),
        (1, 25, 25, 35),
        (3, None, 0, 10),
        (3, 10, 0, 20),
        (3, 20, 0, 30),
        (3, 30, 10, 40),
    ],
    ids=["new", "long ago", "now", "next", "later", "burst, new", "second", "third", "fourth"],
)
def test_a_run_may_start_once_the_key_is_free(burst: int, arrives: int | None, may: int, then: int) -> None:
    arrives_at = None if arrives is None else NOW + arrives * SECOND

    may_at, following = admit_at(RateLimit(**PER_MINUTE, burst=burst), arrives_at, NOW)

    assert ((may_at - NOW) / SECOND, (following - NOW) / SECOND) == (may, then)


@pytest.mark.parametrize(
    ("limit", "per", "seconds"), [(1, "1m", 60), (60, "1m", 1), (4, "1s", 0.25), (2, "1d", 43_200)], ids=str
)
def test_the_starts_of_a_period_are_evenly_spaced(limit: int, per: str, seconds: float) -> None:
    assert RateLimit.model_validate({"limit": limit, "per": per}).spacing == timedelta(seconds=seconds)


@settings(max_examples=100)
@given(st.integers(1, 100), st.integers(1, 20), st.integers(-1000, 1000))
def test_a_start_is_never_in_the_past_and_moves_the_key_on(limit: int, burst: int, arrives: int) -> None:
    rate = RateLimit(limit=limit, burst=burst)

    may_at, following = admit_at(rate, NOW + arrives * SECOND, NOW)

    assert may_at >= NOW
    assert following - max(NOW, NOW + arrives * SECOND) == rate.spacing
    assert following - may_at <= burst * rate.spacing


def test_a_priority_is_found_by_its_rank() -> None:
    assert [Priority.of(each.rank) for each in Priority] == list(Priority)
    assert max(Priority, key=lambda each: each.rank) is Priority.CRITICAL
    with pytest.raises(IndexError):
        Priority.of(4)
