"""Proves how a run's log is collected, limited in size, and cleaned."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executions.targets.base import MAX_LOG_LINE_LENGTH
from executions.worker.logs import LOG_LINE_OVERHEAD_BYTES, RunLog

if TYPE_CHECKING:
    from collections.abc import Iterable

RUN_ID = UUID("01935b7e-0000-7000-8000-000000000001")
NOTE = "The log has reached its size limit. Further lines are not stored."


def log_of(max_bytes: int = 10_000, messages: Iterable[str] = ()) -> RunLog:
    log = RunLog(RUN_ID, 2, max_bytes)
    for message in messages:
        log.add(message)
    return log


def messages_in(log: RunLog) -> list[str]:
    return [line.message for line in log.take()]


@pytest.mark.parametrize(
    ("level", "stored"),
    [("debug", "debug"), ("info", "info"), ("warning", "warning"), ("error", "error"), ("critical", "critical")]
    + [("ERROR", "info"), ("", "info"), ("notice", "info"), ("x" * 50, "info")],
)
def test_an_unknown_level_becomes_info(level: str, stored: str) -> None:
    log = log_of()
    log.add("x", level)

    (line,) = log.take()
    assert (line.level, line.attempt, line.run_id) == (stored, 2, RUN_ID)


@pytest.mark.parametrize(
    ("message", "stored"),
    [
        ("a\0b", "ab"),
        ("\ud800", "\ufffd"),
        ("", ""),
        ("x" * MAX_LOG_LINE_LENGTH, "x" * MAX_LOG_LINE_LENGTH),
        ("x" * MAX_LOG_LINE_LENGTH + "y", "x" * MAX_LOG_LINE_LENGTH),
    ],
    ids=["NUL", "lone surrogate", "empty", "longest", "longer"],
)
def test_a_line_is_cut_and_cleaned_so_that_it_can_be_stored(message: str, stored: str) -> None:
    assert messages_in(log_of(messages=[message])) == [stored]


def test_lines_are_taken_once() -> None:
    log = log_of(messages=["one", "two"])

    assert messages_in(log) == ["one", "two"]
    log.add("three")
    assert messages_in(log) == ["three"]
    assert messages_in(log) == []


def test_lines_that_are_put_back_come_before_newer_ones() -> None:
    log = log_of(messages=["one", "two"])
    taken = log.take()
    log.add("three")

    log.take_back(taken)

    assert messages_in(log) == ["one", "two", "three"]


def test_the_line_that_exceeds_the_limit_is_replaced_by_a_warning() -> None:
    size = LOG_LINE_OVERHEAD_BYTES + 3
    log = log_of(2 * size + 1, ["one", "two", "six", "ten"])

    lines = log.take()
    assert [line.message for line in lines] == ["one", "two", NOTE]
    assert lines[-1].level == "warning"


def test_a_log_that_is_exactly_full_ends_with_the_note() -> None:
    size = LOG_LINE_OVERHEAD_BYTES + 3

    assert messages_in(log_of(2 * size, ["one", "two"])) == ["one", NOTE]


def test_the_limit_counts_bytes_and_not_characters() -> None:
    limit = LOG_LINE_OVERHEAD_BYTES + 5

    assert messages_in(log_of(limit, ["aaaa"])) == ["aaaa"]
    assert messages_in(log_of(limit, ["éééé"])) == [NOTE]


def test_empty_lines_count_towards_the_limit() -> None:
    assert messages_in(log_of(3 * LOG_LINE_OVERHEAD_BYTES + 1, [""] * 1000)) == ["", "", "", NOTE]


def test_taking_lines_does_not_raise_the_limit() -> None:
    log = log_of(2 * LOG_LINE_OVERHEAD_BYTES, ["a"])
    log.take()

    log.add("b" * LOG_LINE_OVERHEAD_BYTES)
    log.add("c")

    assert messages_in(log) == [NOTE]


@settings(max_examples=50)
@given(st.integers(0, 2000), st.lists(st.text(max_size=200), max_size=30))
def test_a_log_never_exceeds_its_limit_by_more_than_the_note(max_bytes: int, messages: list[str]) -> None:
    found = messages_in(log_of(max_bytes, messages))

    kept = [message for message in found if message != NOTE]
    assert sum(len(message.encode()) + LOG_LINE_OVERHEAD_BYTES for message in kept) <= max_bytes
    assert found.count(NOTE) <= 1
    assert NOTE not in found[:-1]
