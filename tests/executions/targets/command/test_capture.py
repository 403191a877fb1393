"""Proves that what a command prints and logs is copied into its run's log, and nothing of other threads."""

from __future__ import annotations

import logging
import sys
import threading

import pytest
import structlog

from executions.targets.base import MAX_LOG_LINE_LENGTH
from executions.targets.command.capture import captured

Lines = list[tuple[str, str]]


def test_each_printed_line_is_logged_when_it_ends() -> None:
    lines: Lines = []
    with captured(lambda message, level: lines.append((level, message))):
        print("one")
        print("tw", end="")
        assert lines == [("info", "one")]
        print("o\n\nthree", end="")
        print("oops", file=sys.stderr)
    assert lines == [("info", "one"), ("info", "two"), ("info", ""), ("warning", "oops"), ("info", "three")]


def test_a_long_line_is_split_at_the_limit() -> None:
    lines: Lines = []
    with captured(lambda message, level: lines.append((level, message))):
        for _ in range(20):
            sys.stdout.write("x" * 1000)
        assert [len(message) for _, message in lines] == [MAX_LOG_LINE_LENGTH, MAX_LOG_LINE_LENGTH]
        sys.stdout.write("\n" + "y" * (MAX_LOG_LINE_LENGTH + 1) + "\n")
    assert max(len(message) for _, message in lines) == MAX_LOG_LINE_LENGTH
    assert sum(len(message) for _, message in lines) == 20_000 + MAX_LOG_LINE_LENGTH + 1


def test_log_records_of_this_thread_are_captured_from_info_upwards() -> None:
    lines: Lines = []
    logger = logging.getLogger("tests.capture")
    with captured(lambda message, level: lines.append((level, message))):
        logger.info("hello %s", "world")
        logger.debug("never")
        logger.error("it failed", exc_info=ValueError("broken"))
        structlog.get_logger("tests.capture").warning("event_name", answer=42)
    assert lines[0] == ("info", "hello world")
    assert lines[1][0] == "error"
    assert "ValueError: broken" in lines[1][1]
    assert lines[2] == ("warning", "event_name answer=42")
    logger.info("afterwards")
    assert len(lines) == 3


def test_other_threads_are_not_captured() -> None:
    lines: Lines = []

    def chatter() -> None:
        logging.getLogger("tests.capture").warning("from elsewhere")
        sys.stdout.write("from elsewhere\n")

    with captured(lambda message, level: lines.append((level, message))):
        thread = threading.Thread(target=chatter)
        thread.start()
        thread.join()
    assert lines == []


def test_records_that_the_runs_log_produces_are_not_captured() -> None:
    lines: Lines = []

    def log(message: str, level: str) -> None:
        logging.getLogger("tests.capture").info("storing %s", message)
        lines.append((level, message))

    with captured(log):
        logging.getLogger("tests.capture").info("once")
    assert lines == [("info", "once")]


def test_a_record_that_cannot_be_formatted_is_logged_with_its_template() -> None:
    lines: Lines = []
    with captured(lambda message, level: lines.append((level, message))):
        record = logging.LogRecord("tests.capture", logging.INFO, "f", 1, "%d apples", ("no",), None)
        logging.getLogger().handlers[-1].handle(record)
    assert lines == [("warning", "A log record of tests.capture can't be formatted: %d apples")]


def test_streams_and_handlers_are_restored() -> None:
    before = (sys.stdout, sys.stderr, list(logging.getLogger().handlers))
    with pytest.raises(KeyError), captured(lambda *_: None):
        raise KeyError("x")
    assert (sys.stdout, sys.stderr, logging.getLogger().handlers) == before
