"""Proves how queued runs are distributed over messages."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from executions.message import Message, MessageAllowance, QueuedRun, Route, build_messages
from tests.factories import NOW

COMMAND = Route("command", 100, timedelta(seconds=310), 6)
HTTP = Route("http", 50, timedelta(seconds=40), 6)


def queued(n_runs: int, route: Route = COMMAND) -> list[QueuedRun]:
    return [QueuedRun(uuid4(), 0, f"job {number}", route) for number in range(n_runs)]


def sizes(messages: list[Message]) -> list[int]:
    return [len(message.runs) for message in messages]


def test_at_light_load_each_run_has_its_own_message() -> None:
    assert sizes(build_messages(queued(16))) == [1] * 16
    assert build_messages([]) == []


def test_under_a_backlog_runs_share_messages_in_order() -> None:
    runs = queued(500)
    messages = build_messages(runs)
    assert sizes(messages) == [32] * 15 + [20]
    assert [run for message in messages for run in message.runs] == runs
    assert max(sizes(build_messages(queued(10_000)))) == 100


def test_the_message_allowance_shrinks_with_use_and_refills_with_time() -> None:
    allowance = MessageAllowance()
    assert allowance.at(NOW) == 16
    allowance.take(16)
    assert allowance.at(NOW) == 1  # at least one
    allowance.take(1)
    assert allowance.at(NOW + timedelta(milliseconds=50)) == 5
    assert allowance.at(NOW - timedelta(hours=1)) == 5  # the clock was set back
    assert allowance.at(NOW + timedelta(hours=1)) == 16
    assert sizes(build_messages(queued(11), 5)) == [3, 3, 3, 2]


def test_runs_of_different_routes_share_no_message() -> None:
    longer = replace(COMMAND, time_limit=timedelta(hours=1))
    messages = build_messages([*queued(32), *queued(32, longer), *queued(2, HTTP)])
    assert sizes(messages) == [2] * 32 + [1] * 2
    assert all(len({run.route for run in message.runs}) == 1 for message in messages)


def test_a_shared_message_has_one_second_more_than_its_runs() -> None:
    alone, shared = build_messages(queued(1))[0], build_messages(queued(500))[0]
    assert (alone.options["time_limit"], shared.options["time_limit"]) == (310.0, 311.0)
    assert (alone.name, shared.name) == ("job 0", "job 0 and 31 more")
