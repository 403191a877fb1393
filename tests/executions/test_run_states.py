"""Proves how a run may move through its statuses, and which statuses policies and limits count."""

from __future__ import annotations

import pytest

from executions.states import (
    ACTIVE,
    LIVE,
    REASON_SENTENCES,
    STATUS_LABELS,
    TERMINAL,
    TRANSITIONS,
    RunStatus,
    predecessors,
)


@pytest.mark.parametrize(
    ("status", "earlier"),
    [
        (RunStatus.HELD, set()),
        (RunStatus.QUEUED, {"held", "running", "retrying"}),
        (RunStatus.RUNNING, {"queued"}),
        (RunStatus.RETRYING, {"running"}),
        (RunStatus.SUCCEEDED, {"running"}),
        (RunStatus.FAILED, {"running"}),
        (RunStatus.CANCELLED, {"held", "queued", "running", "retrying"}),
        (RunStatus.SKIPPED, {"held", "queued"}),
    ],
)
def test_a_status_is_entered_from_its_predecessors_only(status: RunStatus, earlier: set[str]) -> None:
    assert predecessors(status) == earlier


def test_only_runs_that_hold_a_place_are_active() -> None:
    assert {"queued", "running", "retrying"} == ACTIVE
    assert {"held"} == LIVE - ACTIVE


def reachable(start: RunStatus | None) -> set[RunStatus]:
    found: set[RunStatus] = set()
    waiting = list(TRANSITIONS[start])
    while waiting:
        status = waiting.pop()
        if status not in found:
            found.add(status)
            waiting += TRANSITIONS[status]
    return found


def test_every_status_can_be_reached_and_from_each_live_one_a_run_can_end() -> None:
    assert reachable(None) == set(RunStatus)
    for status in LIVE:
        assert reachable(status) & TERMINAL, status
        assert RunStatus.CANCELLED in reachable(status), status


def test_a_run_that_never_started_cannot_succeed_or_fail_before_it_is_claimed() -> None:
    for status in LIVE - {RunStatus.RUNNING}:
        assert not TRANSITIONS[status] & {RunStatus.SUCCEEDED, RunStatus.FAILED}, status


def test_no_two_statuses_share_a_label_and_no_two_reasons_a_sentence() -> None:
    assert len({label for label, _ in STATUS_LABELS.values()}) == len(RunStatus)
    assert len(set(REASON_SENTENCES.values())) == len(REASON_SENTENCES)
