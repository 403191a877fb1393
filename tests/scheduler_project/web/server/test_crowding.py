"""Proves whose connection is closed when a web process has too many."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from scheduler_project.web.server.crowding import in_order, largest, longest_waiting


@dataclass(frozen=True)
class Waiting:
    address: str
    since: float = 0.0
    n_in_memory: int = 0
    is_queued: bool = False


def test_an_address_with_many_connections_loses_its_oldest_one() -> None:
    visitor = Waiting("visitor", since=1)
    attacker = [Waiting("attacker", since=since) for since in (9, 5, 7)]

    assert longest_waiting([visitor, *attacker]) == attacker[1]


def test_behind_a_proxy_the_oldest_connection_is_closed() -> None:
    connections = [Waiting("proxy", since=since) for since in (3, 2, 8)]

    assert longest_waiting(connections) == connections[1]


def test_requests_that_wait_for_a_thread_are_closed_last_and_the_newest_one_first() -> None:
    queued = [Waiting("proxy", since=since, is_queued=True) for since in (3, 2, 8)]

    assert longest_waiting([*queued, silent := Waiting("proxy", since=9)]) == silent
    assert longest_waiting(queued) == queued[2]


def test_each_choice_counts_the_connections_that_are_left() -> None:
    crowd = [Waiting("crowd", since=since) for since in (1, 2, 3, 4)]
    pair = [Waiting("pair", since=since) for since in (7, 8)]
    visitor = Waiting("visitor", since=0)

    assert list(in_order([*pair, visitor, *crowd])) == [*crowd[:3], pair[0], visitor, crowd[3], pair[1]]


def test_an_address_that_occupies_much_memory_loses_its_largest_request() -> None:
    visitor = Waiting("visitor", n_in_memory=900)
    attacker = [Waiting("attacker", n_in_memory=size) for size in (400, 600, 500)]

    assert largest([visitor, *attacker]) == attacker[1]


def test_without_connections_there_is_nothing_to_choose() -> None:
    for choose in (longest_waiting, largest):
        with pytest.raises(ValueError, match="empty"):
            choose([])
