"""Proves that every status, reason and origin has a text."""

from __future__ import annotations

from datetime import timedelta

import pytest

from executions import words
from executions.models import RunEvent
from executions.states import (
    ORIGIN_LABELS,
    REASON_LABELS,
    REASON_SENTENCES,
    AttemptStatus,
    CancelReason,
    EventKind,
    Origin,
    QueueReason,
    Reason,
    RunStatus,
)
from values import instants


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (None, "–"),
        (timedelta(0), "0 ms"),
        (timedelta(milliseconds=250), "250 ms"),
        (timedelta(seconds=4.2), "4.2 s"),
        (timedelta(seconds=30), "30 s"),
        (timedelta(minutes=3, seconds=5), "3 min 5 s"),
        (timedelta(hours=2), "2 h"),
        (timedelta(hours=2, seconds=7), "2 h"),
        (timedelta(days=2, hours=4, minutes=9), "2 d 4 h"),
        (-timedelta(milliseconds=3), "−3 ms"),
    ],
)
def test_a_duration_has_at_most_two_units(length: timedelta | None, text: str) -> None:
    assert instants.duration(length) == text


def test_every_reason_origin_and_attempt_status_has_texts() -> None:
    assert set(REASON_LABELS) == set(REASON_SENTENCES) == set(Reason)
    assert set(ORIGIN_LABELS) == set(words.ORIGIN_EXPLANATIONS) == set(Origin)
    assert set(words.ATTEMPT_LABELS) == set(AttemptStatus)
    assert set(words.QUEUE_LABELS) == set(QueueReason)
    assert set(words.CANCELLATION_LABELS) == set(CancelReason)


@pytest.mark.parametrize(
    ("kind", "reason", "text"),
    [
        (RunStatus.QUEUED, "", "Queued"),
        (RunStatus.QUEUED, "given_back", "Returned by the worker before the start, queued again"),
        (RunStatus.QUEUED, "lost", "Worker lost, queued again"),
        (RunStatus.CANCELLED, "", "Cancelled"),
        (RunStatus.CANCELLED, "job_deleted", "Cancelled: the job was deleted"),
        (EventKind.CANCEL_REQUESTED, "", "Cancellation requested"),
        ("from_another_version", "", "from_another_version"),
    ],
)
def test_an_event_is_named_by_its_kind_and_reason(kind: str, reason: str, text: str) -> None:
    assert words.event(RunEvent(kind=kind, reason=reason), is_first=False) == text
