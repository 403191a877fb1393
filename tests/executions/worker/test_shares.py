"""Proves how the places of a run pool are shared between hosts, and which runs wait, start late or are returned."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executions.worker import shares
from executions.worker.shares import NO_PLACE_TIMEOUT, SOON, FairShares, PoolRun, fits


def runs(share: str, number: int, first: int = 0, priority: int = 0) -> list[PoolRun]:
    """Return `number` runs of a share. Their ids are numbered, from `first`."""
    return [PoolRun(UUID(int=first + each), 0, share, priority) for each in range(number)]


def ids(found: list[PoolRun]) -> list[int]:
    return [run.run_id.int for run in found]


@pytest.mark.parametrize(
    ("size", "n_places"),
    [(1, 1), (2, 1), (3, 2), (4, 3), (5, 4), (6, 4), (7, 5), (8, 6), (10, 8), (50, 40), (500, 400), (625, 500)],
)
def test_one_share_alone_gets_four_fifths_of_the_places(size: int, n_places: int) -> None:
    pool = FairShares(size)
    assert len(pool.enter(runs("a", 1000), 0)) == n_places
    assert (pool.n_taken, pool.n_free, pool.n_waiting) == (n_places, size - n_places, 1000 - n_places)


def test_each_further_share_gets_four_fifths_of_the_rest() -> None:
    pool = FairShares(50)
    taken = [len(pool.enter(runs(share, 100, first=1000 * number), 0)) for number, share in enumerate("abcde")]
    assert taken == [40, 8, 1, 1, 0]


def test_runs_without_a_share_may_take_all_places() -> None:
    pool = FairShares(8)
    assert len(pool.enter(runs("", 20), 0)) == 8


def test_other_shares_of_a_message_start_although_one_share_waits() -> None:
    pool = FairShares(5)
    mixed = [*runs("a", 6), *runs("b", 1, 10), *runs("a", 2, 20)]
    assert ids(pool.enter(mixed, 0)) == [0, 1, 2, 3, 10]
    assert pool.n_waiting == 4


def test_waiting_runs_start_in_the_order_of_priority_and_arrival() -> None:
    pool = FairShares(5)
    active = pool.enter([*runs("a", 7), *runs("a", 2, 10, priority=3), *runs("a", 1, 20)], 0)
    order = ids(active)
    while active:
        pool.leave(active.pop(0), 0, 0.1)
        started = pool.start_waiting(0)
        active += started
        order += ids(started)
    assert order == [0, 1, 2, 3, 10, 11, 4, 5, 6, 20]
    assert (pool.n_free, pool.n_waiting, pool._shares) == (5, 0, {})


def test_a_new_run_does_not_overtake_a_waiting_run_of_its_share() -> None:
    pool = FairShares(5)
    (first, *_) = pool.enter(runs("a", 5), 0)
    pool.leave(first, 0, 0.1)
    assert pool.enter(runs("a", 1, 10), 0) == []
    assert ids(pool.start_waiting(0)) == [4]


def test_the_share_with_the_fewest_places_gets_the_next_free_place() -> None:
    pool = FairShares(10)
    pool.enter(runs("a", 20), 0)
    of_b = pool.enter(runs("b", 20, 100), 0)
    assert (pool.n_taken, len(of_b)) == (9, 1)
    pool.enter(runs("c", 20, 200), 0)
    assert pool.n_free == 0
    pool.leave(of_b[0], 0, 30)
    assert ids(pool.start_waiting(0)) == [101], "b has no place, so it may take the last one"


def test_a_run_that_waits_already_keeps_its_position_and_gets_the_new_claim_number() -> None:
    pool = FairShares(1)
    pool.enter(runs("a", 3), 0)
    again = PoolRun(UUID(int=1), 4, "a")
    assert pool.enter([again], 9) == []
    assert pool.n_waiting == 2
    pool.leave(PoolRun(UUID(int=0), 0, "a"), 9, 0.1)
    assert [run.claim_key for run in pool.start_waiting(9)] == [(UUID(int=1), 4)]


def test_runs_of_a_silent_host_are_late_as_soon_as_they_will_not_start_soon() -> None:
    pool = FairShares(50)
    pool.enter(runs("a", 60), 0)
    assert pool.pop_late(0.1).kept == [], "at first, any host may be quick"
    assert ids(pool.pop_late(SOON).kept) == list(range(40, 60))
    assert (pool.n_fresh, pool.n_waiting) == (0, 20), "late runs still wait"
    pool.enter(runs("a", 30, 100), 20)
    assert ids(pool.pop_late(20).kept) == list(range(100, 130)), "no run has ended for 20 s"


def test_runs_of_a_quick_host_are_not_late() -> None:
    pool = FairShares(50)
    first = pool.enter(runs("a", 60), 0)
    for run in first[:20]:
        pool.leave(run, 0.02, 0.02)
    assert len(pool.start_waiting(0.02)) == 20
    pool.enter(runs("a", 50, 100), 0.03)
    assert pool.pop_late(0.04).kept == []
    assert pool.n_fresh == 50


def test_runs_of_a_busy_host_are_late_when_too_many_wait() -> None:
    pool = FairShares(500)
    first = pool.enter(runs("a", 400), 0)
    pool.leave(first[0], 1, 1.0)  # 400 places, a second each: 100 runs start within 250 ms
    pool.enter(runs("a", 101, 1000), 1)
    assert (pool.pop_late(1).kept, pool.n_waiting) == ([], 100)
    pool.enter(runs("a", 1, 2000), 1)
    assert len(pool.pop_late(1).kept) == 101


def test_runs_that_find_a_full_pool_are_returned_after_a_second() -> None:
    pool = FairShares(2)
    pool.enter([*runs("a", 1), *runs("b", 1, 10)], 0)
    pool.enter([*runs("c", 1, 20), *runs("", 1, 30)], 0)
    assert pool.pop_late(NO_PLACE_TIMEOUT - 0.1).returned == []
    assert ids(pool.pop_late(NO_PLACE_TIMEOUT).returned) == [20, 30]
    assert (pool.n_waiting, pool.n_fresh, set(pool._shares)) == (0, 0, {"a", "b"})


def test_runs_beyond_the_memory_limit_are_late_and_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "MAX_WAITING", 10)
    pool = FairShares(5)
    pool.enter(runs("a", 20), 0)
    assert (pool.n_waiting, pool.n_fresh) == (8, 16)
    assert ids(pool.pop_late(0).kept) == list(range(12, 20))
    assert pool.n_waiting == 8, "room for runs of other shares is left"


def test_clear_removes_all_waiting_runs() -> None:
    pool = FairShares(5)
    started = pool.enter(runs("a", 9), 0)
    assert ids(pool.clear()) == [4, 5, 6, 7, 8]
    for run in started:
        pool.leave(run, 1)
    assert (pool.n_waiting, pool.n_fresh, pool.start_waiting(1), pool._shares) == (0, 0, [], {})


def test_clear_also_returns_the_runs_beyond_the_memory_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "MAX_WAITING", 10)
    pool = FairShares(5)
    started = pool.enter(runs("a", 20), 0)
    assert sorted([*ids(started), *ids(pool.clear())]) == list(range(20))
    assert (pool.n_waiting, pool.n_fresh) == (0, 0)


@given(st.integers(1, 40), st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 60)), max_size=12))
@settings(max_examples=100)
def test_no_share_grows_beyond_its_threshold_and_no_run_is_lost(size: int, arrivals: list[tuple[str, int]]) -> None:
    pool = FairShares(size)
    active: list[PoolRun] = []
    done: list[PoolRun] = []
    for number, (share, n_runs) in enumerate(arrivals):
        n_before = Counter(run.share for run in active)
        started = pool.enter(runs(share, n_runs, 1000 * number), number)
        active += started
        n_own = n_before[share] + len(started)
        assert len(started) <= 1 or fits(n_own, pool.n_free)
        assert pool.n_taken == len(active) <= size
    while active:
        ended = active.pop(0)
        done.append(ended)
        pool.leave(ended, 100, 0.1)
        active += pool.start_waiting(100)
        assert pool.n_taken == len(active) <= size
    assert len(done) == sum(n_runs for _, n_runs in arrivals)
    for share in "abcd":
        order = [run.run_id.int for run in done if run.share == share]
        assert order == sorted(order)
    assert (pool.n_free, pool.n_waiting, pool._shares) == (size, 0, {})
