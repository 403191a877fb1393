"""Proves that the demo commands do what the tutorial says."""

from __future__ import annotations

from typing import Any

import pytest

from executions.targets.base import Failed, Outcome, Succeeded
from executions.targets.command import demo
from executions.targets.command.target import CommandTarget
from tests.target_context import RecordingContext
from tests.valid_targets import parse

assert demo  # registers the commands, whatever the settings load


def run(name: str, payload: Any, context: RecordingContext) -> Outcome:
    return CommandTarget().execute(parse({"kind": "command", "name": name}, payload), payload, context)


def test_echo_returns_its_message_and_logs_it() -> None:
    context = RecordingContext()
    outcome = run("demo.echo", {"message": "hi"}, context)
    assert outcome == Succeeded({"message": "hi", "job": "nightly report", "attempt": 1})
    assert context.messages == ["hi"]


def test_sleep_logs_its_progress() -> None:
    context = RecordingContext()
    assert isinstance(run("demo.sleep", {"seconds": 0.05}, context), Succeeded)
    assert context.messages == ["Slept 0 of 0.05 s, 9 s left before the timeout."]


@pytest.mark.parametrize("permanent", [False, True])
def test_fail_raises_a_final_failure_only_if_asked(permanent: bool) -> None:
    outcome = run("demo.fail", {"message": "on purpose", "permanent": permanent}, RecordingContext())
    assert isinstance(outcome, Failed)
    assert outcome.permanent is permanent
    assert "on purpose" in outcome.message
