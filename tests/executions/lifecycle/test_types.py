"""Proves in which status a new run begins, and whether it may be published at once."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from executions.lifecycle.types import NewRun
from executions.states import TRANSITIONS, Reason, RunStatus
from tests.factories import NOW

JOB_ID = UUID("01935b7e-0000-7000-8000-000000000001")
SECOND = timedelta(seconds=1)


def new_run(**details: Any) -> NewRun:
    return NewRun(scope_id=0, job_id=JOB_ID, spec_id=1, nominal_at=NOW, **details)


@pytest.mark.parametrize(
    ("details", "status"),
    [
        ({}, RunStatus.QUEUED),
        ({"is_buffered": True}, RunStatus.HELD),
        ({"concurrency_key": "job:1"}, RunStatus.HELD),
        ({"rate_key": "key:mail"}, RunStatus.HELD),
        ({"reason": Reason.PAUSED}, RunStatus.SKIPPED),
        ({"reason": Reason.OVERLAP, "is_buffered": True, "rate_key": "key:mail"}, RunStatus.SKIPPED),
        ({"available_at": NOW + SECOND}, RunStatus.QUEUED),
        ({"expires_at": NOW}, RunStatus.QUEUED),
    ],
    ids=["plain", "buffered", "concurrency", "rate", "reason", "reason first", "later", "deadline"],
)
def test_a_new_run_is_skipped_with_a_reason_held_by_a_limit_or_else_queued(
    details: dict[str, Any], status: RunStatus
) -> None:
    assert new_run(**details).status is status


def test_every_new_run_begins_in_a_status_that_the_state_machine_allows() -> None:
    for reason, is_buffered, key in product((None, *Reason), (True, False), ("", "key:a")):
        status = new_run(reason=reason, is_buffered=is_buffered, concurrency_key=key).status
        assert status in TRANSITIONS[None]


@pytest.mark.parametrize(
    ("details", "is_due"),
    [
        ({}, True),
        ({"available_at": NOW - SECOND}, True),
        ({"available_at": NOW}, True),
        ({"available_at": NOW + SECOND}, False),
        ({"rate_key": "key:mail"}, False),
        ({"reason": Reason.MISSED}, False),
        ({"is_buffered": True, "available_at": NOW - SECOND}, False),
    ],
    ids=["at once", "past", "now", "ahead", "held", "skipped", "held, past"],
)
def test_only_a_queued_run_whose_time_has_come_is_due(details: dict[str, Any], is_due: bool) -> None:
    assert new_run(**details).is_due(NOW) is is_due
