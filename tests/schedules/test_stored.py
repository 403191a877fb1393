"""A stored schedule or policy is read without an exception, whatever another version has written."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from schedules.clock.spec import ScheduleSpec
from schedules.policies import JobPolicies
from schedules.stored import read_policies, read_schedule
from values.readable import Unreadable


def test_a_stored_interval_may_be_shorter_than_the_minimum_for_new_ones() -> None:
    found = read_schedule('{"every": "1ms"}')
    assert isinstance(found, ScheduleSpec)
    assert found.every == timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        ({"cron": "75 * * * *"}, "cron: minute: 75 is not in 0-59."),
        ({"kind": "lunar"}, "kind: must be cron, every, once, solar, delay, several or none"),
        (5, "must be an object, not 5."),
        (None, "must be an object, not null."),
    ],
    ids=str,
)
def test_an_unreadable_schedule_has_a_reason_with_its_field(stored: Any, reason: str) -> None:
    found = read_schedule(json.dumps(stored))
    assert isinstance(found, Unreadable)
    assert found.part == "schedule"
    assert found.reason.startswith(reason)


def test_stored_policies_get_the_defaults_of_this_version() -> None:
    assert read_policies("{}") == JobPolicies()
    found = read_policies('{"jitter": "5s"}')
    assert isinstance(found, JobPolicies)
    assert (found.jitter, found.catch_up) == (timedelta(seconds=5), JobPolicies().catch_up)


@pytest.mark.parametrize("stored", [{"quantum": True}, {"jitter": "2d"}, [], None, 5], ids=str)
def test_unreadable_policies_have_a_reason(stored: Any) -> None:
    found = read_policies(json.dumps(stored))
    assert isinstance(found, Unreadable)
    assert found.part == "policies"
    assert found.reason


def test_jobs_with_equal_texts_share_what_was_read() -> None:
    assert read_schedule('{"cron": "7 7 * * *"}') is read_schedule('{"cron": "7 7 * * *"}')
    assert read_policies('{"jitter": "7s"}') is read_policies('{"jitter": "7s"}')
