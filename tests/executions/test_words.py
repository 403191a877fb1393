"""Proves the text for each event, status, reason and origin of a run, and for the delay of its start."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from executions import words
from executions.models import Run, RunEvent
from executions.states import (
    ORIGIN_LABELS,
    REASON_LABELS,
    REASON_SENTENCES,
    AttemptStatus,
    CancelReason,
    Origin,
    QueueReason,
    Reason,
    RunStatus,
)
from tests.factories import NOW

SECOND = timedelta(seconds=1)


def test_every_reason_origin_and_attempt_status_has_texts() -> None:
    assert set(REASON_LABELS) == set(REASON_SENTENCES) == set(Reason)
    assert set(ORIGIN_LABELS) == set(words.ORIGIN_EXPLANATIONS) == set(Origin)
    assert set(words.ATTEMPT_LABELS) == set(AttemptStatus)
    assert set(words.QUEUE_LABELS) == set(QueueReason)
    assert set(words.CANCELLATION_LABELS) == set(CancelReason)


@pytest.mark.parametrize(
    ("kind", "details", "is_first", "text"),
    [
        ("held", {}, True, "Created and held: other runs or a limit prevent the start"),
        ("queued", {}, True, "Created and queued"),
        ("queued", {"reason": "lost"}, True, "Created and queued"),
        ("queued", {}, False, "Queued"),
        (
            "queued",
            {"reason": "given_back"},
            False,
            "Returned by the worker before the start, queued again",
        ),
        ("queued", {"reason": "lost"}, False, "Worker lost, queued again"),
        ("running", {"attempt": 2}, False, "Attempt 2 started"),
        ("retrying", {"attempt": 2}, False, "Attempt 2 failed, a retry follows"),
        ("succeeded", {}, False, "Succeeded"),
        ("failed", {"attempt": 1}, False, "Failed after 1 attempt, no retry follows"),
        ("failed", {"attempt": 4}, False, "Failed after 4 attempts, no retry follows"),
        ("cancelled", {}, False, "Cancelled"),
        ("cancelled", {"reason": "job_deleted"}, False, "Cancelled: the job was deleted"),
        ("cancelled", {"reason": "overlap"}, False, "Cancelled: replaced by a newer run"),
        ("cancelled", {"reason": "from the future"}, False, "Cancelled"),
        ("skipped", {}, True, "Skipped"),
        ("cancel_requested", {}, False, "Cancellation requested"),
        (
            "schedule_stopped",
            {"reason": "no_beat"},
            False,
            "The watchdog found that the job's schedule had stopped (no beat)",
        ),
        ("from_the_future", {}, False, "from_the_future"),
    ],
)
def test_each_event_has_its_words(kind: str, details: dict[str, Any], is_first: bool, text: str) -> None:
    assert words.event(RunEvent(kind=kind, **details), is_first=is_first) == text


@pytest.mark.parametrize("status", RunStatus)
@pytest.mark.parametrize("is_first", [True, False])
def test_every_status_has_words_of_its_own(status: RunStatus, is_first: bool) -> None:
    assert words.event(RunEvent(kind=status.value, attempt=1), is_first=is_first) != status.value


@pytest.mark.parametrize("origin", Origin)
def test_a_run_that_started_is_explained_by_its_origin(origin: Origin) -> None:
    run = Run(nominal_at=NOW, status="running", origin=origin.value, reason="")

    assert words.why(run, NOW) == words.ORIGIN_EXPLANATIONS[origin]


def skipped(**columns: Any) -> Run:
    return Run(nominal_at=NOW, status="skipped", origin="schedule", reason=Reason.MISSED.value, **columns)


@pytest.mark.parametrize(
    ("columns", "addition"),
    [
        ({"n_occurrences": 1}, ""),
        ({"n_occurrences": 1, "last_nominal_at": NOW}, ""),
        ({"n_occurrences": 3, "last_nominal_at": None}, ""),
        (
            {"n_occurrences": 1200, "last_nominal_at": NOW + 1199 * SECOND},
            " This record covers 1,200 occurrences, from 20 Nov 12:00:00 UTC to 20 Nov 12:19:59 UTC.",
        ),
    ],
    ids=["one", "one with a last", "no last", "many"],
)
def test_a_row_for_several_occurrences_says_how_many_and_which(columns: dict[str, Any], addition: str) -> None:
    text = words.why(skipped(**columns), NOW)

    assert text.startswith("Missed because no beat processed this occurrence in time.")
    assert text.partition(" or catch-up is off.")[2] == addition


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({}, "–"),
        ({"started_at": NOW + 120 * SECOND}, "2 min"),
        ({"started_at": NOW + 120 * SECOND, "planned_at": NOW + 90 * SECOND}, "2 min (30 s after the planned start)"),
        ({"planned_at": NOW + 90 * SECOND}, "–"),
    ],
    ids=["not started", "started", "planned", "planned, not started"],
)
def test_the_delay_of_a_planned_start_is_told_apart(columns: dict[str, Any], text: str) -> None:
    assert words.start_delay(Run(nominal_at=NOW, **columns)) == text
