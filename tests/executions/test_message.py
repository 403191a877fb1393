"""How runs share messages."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from executions.message import Message, MessageAllowance, QueuedRun, Route, build_messages
from tests.factories import NOW

COMMAND = Route("command", 100, timedelta(seconds=310), 6)
HTTP = Route("http", 50, timedelta(seconds=40), 6)


def waiting(n_runs: int, route: Route = COMMAND) -> list[QueuedRun]:
    return [QueuedRun(uuid4(), 0, f"job {number}", route) for number in range(n_runs)]


def sizes(messages: list[Message]) -> list[int]:
    return [len(message.runs) for message in messages]


def test_at_light_load_each_run_has_a_message_of_its_own() -> None:
    assert sizes(build_messages(waiting(16))) == [1] * 16
    assert build_messages([]) == []


def test_under_a_backlog_runs_share_messages_in_order_and_none_is_left_out() -> None:
    runs = waiting(500)
    messages = build_messages(runs)
    assert sizes(messages) == [32] * 15 + [20]
    assert [run for message in messages for run in message.runs] == runs
    assert max(sizes(build_messages(waiting(10_000)))) == 100


def test_who_sends_many_messages_spreads_runs_over_fewer_and_over_all_again_a_moment_later() -> None:
    allowance = MessageAllowance()
    assert allowance.at(NOW) == 16
    allowance.take(16)
    assert allowance.at(NOW) == 1  # never none
    allowance.take(1)
    assert allowance.at(NOW + timedelta(milliseconds=50)) == 5
    assert allowance.at(NOW - timedelta(hours=1)) == 5  # the clock was set back
    assert allowance.at(NOW + timedelta(hours=1)) == 16
    assert sizes(build_messages(waiting(11), 5)) == [3, 3, 3, 2]


def test_what_goes_different_ways_shares_nothing() -> None:
    longer = replace(COMMAND, time_limit=timedelta(hours=1))
    messages = build_messages([*waiting(32), *waiting(32, longer), *waiting(2, HTTP)])
    assert sizes(messages) == [2] * 32 + [1] * 2
    assert all(len({run.route for run in message.runs}) == 1 for message in messages)


def test_a_shared_message_has_a_second_more_than_its_longest_run_may_take() -> None:
    alone, shared = build_messages(waiting(1))[0], build_messages(waiting(500))[0]
    assert (alone.options["time_limit"], shared.options["time_limit"]) == (310.0, 311.0)
    assert (alone.name, shared.name) == ("job 0", "job 0 and 31 more")
