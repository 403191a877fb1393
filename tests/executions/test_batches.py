"""Proves what a message carries, and how any number of runs is distributed over messages."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executions.message import (
    MAX_MESSAGES_PER_ROUTE,
    MESSAGES_PER_SECOND,
    Message,
    MessageAllowance,
    QueuedRun,
    Route,
    build_messages,
)
from tests.factories import NOW

ROUTE = Route("http", 50, timedelta(seconds=40), 6)
SECOND = timedelta(seconds=1)


def queued(number: int, route: Route = ROUTE) -> QueuedRun:
    return QueuedRun(UUID(int=number), number % 3, f"job {number}", route)


def message(n_runs: int) -> Message:
    return Message(tuple(queued(number) for number in range(1, n_runs + 1)))


@pytest.mark.parametrize(
    ("n_runs", "name", "shown", "seconds"),
    [
        (1, "job 1", "", 40.0),
        (2, "job 1 and 1 more", " and 1 more", 41.0),
        (7, "job 1 and 6 more", " and 6 more", 41.0),
    ],
)
def test_a_message_is_named_by_its_first_run_and_the_number_of_others(
    n_runs: int, name: str, shown: str, seconds: float
) -> None:
    made = message(n_runs)

    assert made.name == name
    assert made.options["argsrepr"] == f"{UUID(int=1)}.1{shown}"
    assert made.options["time_limit"] == seconds


def test_a_message_carries_the_id_and_the_claim_number_of_each_run_and_nothing_else() -> None:
    assert message(2).args == [[[str(UUID(int=1)), 1], [str(UUID(int=2)), 2]]]


def test_a_message_names_the_share_of_each_run_that_has_one() -> None:
    first, second = message(2).runs
    made = Message((replace(first, share="1a2b3c4d"), second))
    assert made.args == [[[str(UUID(int=1)), 1, "1a2b3c4d"], [str(UUID(int=2)), 2]]]


def test_a_message_goes_where_the_route_leads() -> None:
    options = message(1).options

    assert (options["queue"], options["priority"], options["task_id"]) == ("http", 6, f"{UUID(int=1)}.1")


@settings(max_examples=80)
@given(st.integers(0, 400), st.integers(1, 16), st.integers(1, 50))
def test_each_run_is_in_one_message_and_no_message_is_too_large(n_runs: int, most: int, max_runs: int) -> None:
    route = Route("http", max_runs, SECOND, 6)
    runs = [queued(number, route) for number in range(n_runs)]

    messages = build_messages(runs, most)

    sizes = [len(made.runs) for made in messages]
    assert [run for made in messages for run in made.runs] == runs
    assert all(1 <= size <= max_runs for size in sizes)
    assert len(messages) <= max(most, -(-n_runs // max_runs))
    assert len(set(sizes[:-1])) <= 1


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=60))
def test_runs_keep_their_order_within_their_route(queues: list[str]) -> None:
    runs = [queued(number, Route(queue, 5, SECOND, 6)) for number, queue in enumerate(queues)]

    messages = build_messages(runs, 4)

    for queue in set(queues):
        of_queue = [run for made in messages for run in made.runs if run.route.queue == queue]
        assert of_queue == [run for run in runs if run.route.queue == queue]


@pytest.mark.parametrize(
    ("taken", "waited", "allowed"),
    [
        (0, 0.0, MAX_MESSAGES_PER_ROUTE),
        (1, 0.0, MAX_MESSAGES_PER_ROUTE - 1),
        (16, 0.0, 1),
        (99, 0.0, 1),
        (16, 0.0099, 1),
        (16, 0.029, 2),
        (16, 0.16, MAX_MESSAGES_PER_ROUTE),
        (16, 60.0, MAX_MESSAGES_PER_ROUTE),
        (99, 0.05, 5),
    ],
)
def test_an_allowance_refills_by_the_rate_up_to_its_size(taken: int, waited: float, allowed: int) -> None:
    allowance = MessageAllowance()
    allowance.at(NOW)
    allowance.take(taken)

    assert allowance.at(NOW + waited * SECOND) == allowed


def test_sustained_use_is_limited_to_the_rate() -> None:
    allowance, now, n_sent = MessageAllowance(), NOW, 0
    for _ in range(200):
        n = allowance.at(now)
        allowance.take(n)
        n_sent += n
        now += 0.05 * SECOND

    assert n_sent == pytest.approx(10 * MESSAGES_PER_SECOND, abs=MAX_MESSAGES_PER_ROUTE)
