"""Proves which outcome follows from what a command returns, raises, or does not end."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from executions.targets.base import Cancelled, Failed, InvalidTarget, Outcome, RetryAt, StopReason, Succeeded
from executions.targets.command import CommandContext, PermanentFailure, RetryLater, command
from executions.targets.command.target import MAX_RESULT_BYTES, CommandTarget
from executions.targets.registry import parse_config
from tests.target_context import RecordingContext
from tests.valid_targets import parse
from tests.waiting import wait_for_alarm
from values.json_values import find_unstorable


def call(function: Any, payload: Any = None, context: RecordingContext | None = None) -> Outcome:
    """Register a function as a command, validate a payload for it, and execute an attempt."""
    command("tests.subject")(function)
    config = parse({"kind": "command", "name": "tests.subject"}, payload)
    return CommandTarget().execute(config, payload, context or RecordingContext())


def failure(outcome: Outcome) -> tuple[str, str, bool]:
    assert isinstance(outcome, Failed), outcome
    return outcome.code, outcome.message, outcome.permanent


def test_the_returned_value_is_the_result_as_json() -> None:
    def subject(context: CommandContext, day: date, *, n: int = 2) -> dict[object, object]:
        return {"next": day + timedelta(days=n), "of": context.job_name, "bad": "\0\ud800", "nan": float("nan"), 5: {1}}

    outcome = call(subject, {"day": "2026-11-20"})
    assert outcome == Succeeded({"next": "2026-11-22", "of": "nightly report", "bad": "\ufffd", "nan": None, "5": [1]})


def test_the_context_has_the_run_and_the_time_left() -> None:
    def subject(context: CommandContext) -> list[object]:
        assert context.should_stop() is None
        assert timedelta(seconds=8) < context.remaining() <= timedelta(seconds=9)
        return [context.run_id, context.attempt, context.nominal_at, context.idempotency_key]

    context = RecordingContext(9, attempt=2)
    run = str(context.run_id)
    assert call(subject, context=context) == Succeeded([run, 2, "2026-11-20T12:00:00Z", run])


def test_log_lines_prints_and_records_are_in_the_runs_log_in_order() -> None:
    def subject(context: CommandContext) -> None:
        context.log("from the context", "warning")
        print("printed")
        logging.getLogger("tests.subject").info("logged")
        print("to stderr", file=sys.stderr)

    context = RecordingContext()
    call(subject, context=context)
    assert context.lines == [
        ("warning", "from the context"), ("info", "printed"), ("info", "logged"), ("warning", "to stderr"),
    ]  # fmt: skip


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("bad \0 input"), "ValueError: bad  input"),
        (ValueError(), "ValueError"),
        (SystemExit(3), "SystemExit: 3"),
        (asyncio.CancelledError(), "CancelledError"),
        (GeneratorExit("x"), "GeneratorExit: x"),
        (Unprintable(), "<exception str() failed>"),
        (KeyError("x" * 5000), "KeyError: "),
    ],
)
def test_any_exception_of_a_command_is_a_failure_that_is_retried(error: BaseException, message: str) -> None:
    def subject() -> None:
        raise error

    outcome = call(subject)
    code, text, permanent = failure(outcome)
    assert (code, permanent) == ("exception", False)
    assert message in text
    assert len(text) <= 1000
    assert find_unstorable(outcome.result) is None


def test_the_traceback_starts_in_the_code_of_the_command() -> None:
    def subject() -> None:
        raise ValueError("bad")

    lines = call(subject).result["traceback"]
    assert lines[0] == "Traceback (most recent call last):"
    assert Path(__file__).name in lines[1]
    assert lines[-1] == "ValueError: bad"


def test_of_a_long_traceback_the_last_lines_are_kept() -> None:
    def subject(depth: int = 100) -> None:
        if depth == 0:
            raise ValueError("deep")
        other(depth - 1)

    def other(depth: int) -> None:  # two functions by turns, since Python folds repeated lines
        subject(depth)

    lines = call(subject).result["traceback"]
    assert len(lines) == 20
    assert lines[-1] == "ValueError: deep"


def test_permanent_failure_is_not_retried() -> None:
    def subject() -> None:
        raise PermanentFailure("The account is closed: nothing to do.")

    assert failure(call(subject)) == ("permanent_failure", "The account is closed: nothing to do.", True)


@pytest.mark.parametrize(
    ("delay", "expected"), [(timedelta(minutes=5), 300), (timedelta(days=-1), 0), (timedelta.max, 31_536_000)]
)
def test_retry_later_sets_the_time_of_the_next_attempt(delay: timedelta, expected: float) -> None:
    def subject() -> None:
        raise RetryLater(delay, "busy")

    before = datetime.now(UTC)
    outcome = call(subject)
    assert isinstance(outcome, RetryAt)
    assert (outcome.code, outcome.message) == ("retry_later", "busy")
    assert 0 <= (outcome.at - before).total_seconds() - expected < 5


def test_retry_later_refuses_a_number() -> None:
    with pytest.raises(TypeError, match="timedelta"):
        RetryLater(5)  # type: ignore[arg-type]


def test_an_error_in_a_returned_generator_is_an_exception_of_the_command() -> None:
    def subject() -> object:
        return (1 // n for n in (1, 0))

    code, message, _ = failure(call(subject))
    assert code == "exception"
    assert message.startswith("ZeroDivisionError: ")


@pytest.mark.parametrize("value", [object(), {"a": object()}, b"\xff", lambda: None])
def test_a_result_that_is_not_json_fails_permanently(value: object) -> None:
    code, message, permanent = failure(call(lambda: value))
    assert (code, permanent) == ("invalid_result", True)
    assert "JSON" in message


def test_a_result_that_contains_itself_is_not_json() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert failure(call(lambda: loop))[0] == "invalid_result"


def test_a_result_that_is_too_long_is_truncated_with_a_line_in_the_log() -> None:
    context = RecordingContext()
    outcome = call(lambda: "x" * MAX_RESULT_BYTES, context=context)
    assert isinstance(outcome, Succeeded)
    assert outcome.result["truncated"] is True
    assert outcome.result["n_bytes"] == MAX_RESULT_BYTES + 2
    assert len(json.dumps(outcome.result)) < 5000
    assert "beginning" in context.messages[-1]
    assert call(lambda: "x" * (MAX_RESULT_BYTES - 2)) == Succeeded("x" * (MAX_RESULT_BYTES - 2))


# Stops


def wait_long() -> None:
    threading.Event().wait(30)


def test_a_command_is_stopped_at_its_timeout() -> None:
    ended: list[bool] = []

    def subject() -> None:
        wait_long()
        ended.append(True)

    outcome = call(subject, context=RecordingContext(0.1))
    assert failure(outcome) == ("timed_out", "The command did not end within 0.1 s.", False)
    assert not ended


def test_a_command_that_returns_after_its_timeout_has_timed_out() -> None:
    def subject() -> str:
        try:
            wait_long()
        except KeyboardInterrupt:
            return "as if nothing had happened"
        return "never"

    assert failure(call(subject, context=RecordingContext(0.1)))[0] == "timed_out"


@pytest.mark.parametrize("ending", [Succeeded("late"), PermanentFailure("late")])
def test_a_command_that_ignores_the_signal_and_ends_late_has_timed_out(ending: object) -> None:
    def subject() -> str:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        wait_for_alarm(0.1)
        if isinstance(ending, Exception):
            raise ending
        return "late"

    context = RecordingContext(0.1)
    assert failure(call(subject, context=context))[0::2] == ("timed_out", False)


def test_a_stop_that_a_library_turns_into_another_error_is_a_timeout() -> None:
    def subject() -> None:
        try:
            wait_long()
        except BaseException as error:
            raise RuntimeError("connection lost") from error

    assert failure(call(subject, context=RecordingContext(0.1)))[0] == "timed_out"


@pytest.mark.long
def test_an_event_loop_inside_a_command_is_stopped_at_the_timeout() -> None:
    ended: list[bool] = []

    def subject() -> None:
        asyncio.run(asyncio.sleep(30))
        ended.append(True)

    assert failure(call(subject, context=RecordingContext(1)))[0] == "timed_out"
    assert not ended


@pytest.mark.parametrize("reason", [StopReason.CANCELLED, StopReason.LOST])
def test_a_cancelled_command_is_stopped_at_once(reason: StopReason) -> None:
    running, ended, context = threading.Event(), threading.Event(), RecordingContext(60)

    def subject() -> None:
        running.set()
        wait_long()
        ended.set()

    context.stop_when(running, reason)
    assert isinstance(call(subject, context=context), Cancelled)
    assert not ended.is_set()
    assert context.callbacks == []


def test_a_stop_before_the_start_calls_nothing() -> None:
    called, context = [], RecordingContext()
    context.stop(StopReason.CANCELLED)
    assert isinstance(call(lambda: called.append(1), context=context), Cancelled)
    assert called == []


# The exception may be raised inside a callback of the garbage collector, which only reports it. It is raised again.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_command_that_logs_without_pause_is_stopped_and_logging_works() -> None:
    def subject() -> None:
        logger = logging.getLogger("tests.subject")
        while True:
            logger.info("busy")

    assert failure(call(subject, context=RecordingContext(0.2)))[0] == "timed_out"
    done = threading.Event()

    def log_elsewhere() -> None:
        logging.getLogger("tests.subject").info("free")
        done.set()

    threading.Thread(target=log_elsewhere, daemon=True).start()
    assert done.wait(5)


def test_ctrl_c_is_raised_to_the_worker() -> None:
    def subject() -> None:
        raise KeyboardInterrupt

    context = RecordingContext()
    with pytest.raises(KeyboardInterrupt):
        call(subject, context=context)
    assert context.callbacks == []


def test_a_keyboard_interrupt_of_the_command_itself_is_a_failure() -> None:
    def subject() -> None:
        raise KeyboardInterrupt("no input")

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in the processes of the prefork pool
    try:
        assert failure(call(subject)) == ("exception", "KeyboardInterrupt: no input", False)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_command_outside_the_main_thread_fails_with_the_fix() -> None:
    command("tests.subject")(wait_long)
    config = parse_config({"kind": "command", "name": "tests.subject"})
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(CommandTarget().execute(config, None, RecordingContext())))
    thread.start()
    thread.join()
    code, message, permanent = failure(outcomes[0])
    assert (code, permanent) == ("wrong_pool", True)
    assert "--pool prefork" in message


# Definitions


def test_an_unknown_command_is_refused_with_a_suggestion() -> None:
    with pytest.raises(InvalidTarget) as caught:
        parse({"kind": "command", "name": "demo.ecko"}, None)
    assert 'Did you mean "demo.echo"' in caught.value.errors["name"][0]


def test_a_payload_is_checked_when_the_job_is_saved_and_when_it_runs() -> None:
    with pytest.raises(InvalidTarget) as caught:
        parse({"kind": "command", "name": "demo.echo"}, {"massage": "hi"})
    assert 'Did you mean "message"?' in caught.value.errors["payload.massage"][0]
    config = parse_config({"kind": "command", "name": "demo.echo"})
    outcome = CommandTarget().execute(config, {"massage": "hi"}, RecordingContext())
    assert failure(outcome)[0::2] == ("invalid_target", True)


def test_a_command_that_this_worker_does_not_have_fails() -> None:
    config = parse_config({"kind": "command", "name": "of.another.release"})
    assert failure(CommandTarget().execute(config, None, RecordingContext()))[0] == "invalid_target"
