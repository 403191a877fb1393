"""Proves the limits and defaults of a job's policies, and how stored policies are read."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import Field, ValidationError

from executions.policies.limits import LimitAction, Priority
from executions.policies.overlap import Overlap
from executions.policies.run_policies import Delivery, RunPolicies, read_as, read_policies
from values.readable import Unreadable

DAY = timedelta(days=1)


def read(**members: Any) -> RunPolicies:
    return RunPolicies.model_validate(members)


@pytest.mark.parametrize(
    ("member", "value", "length"),
    [
        ("timeout", "100ms", timedelta(milliseconds=100)),
        ("timeout", "1d", DAY),
        ("timeout", 0.1, timedelta(milliseconds=100)),
        ("start_deadline", "1s", timedelta(seconds=1)),
        ("start_deadline", "366d", 366 * DAY),
    ],
)
def test_a_length_at_its_limit_is_accepted(member: str, value: object, length: timedelta) -> None:
    assert getattr(read(**{member: value}), member) == length


@pytest.mark.parametrize(
    ("member", "value", "text"),
    [
        ("timeout", "99ms", "between 100ms and 1d"),
        ("timeout", "1d1us", "between 100ms and 1d"),
        ("timeout", 0, "between 100ms and 1d"),
        ("start_deadline", "999ms", "between 1s and 366d"),
        ("start_deadline", "366d1us", "between 1s and 366d"),
        ("start_deadline", 0, "between 1s and 366d"),
    ],
)
def test_a_length_beyond_its_limit_is_refused(member: str, value: object, text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        read(**{member: value})


@pytest.mark.parametrize(
    ("retry", "is_valid"),
    [
        ({"max_retries": 0}, True),
        ({"max_retries": 100}, True),
        ({"max_retries": 101}, False),
        ({"max_retries": -1}, False),
        ({"max_retries": 1.0}, False),
        ({"max_retries": True}, False),
        ({"delay": "0s"}, True),
        ({"delay": -1}, False),
        ({"backoff": "Linear"}, False),
        ({"retries": 3}, False),
    ],
    ids=lambda part: json.dumps(part),
)
def test_a_retry_policy_has_its_limits(retry: dict[str, Any], is_valid: bool) -> None:
    if is_valid:
        assert read(retry=retry).retry.model_dump(include=set(retry), mode="json") == retry
    else:
        with pytest.raises(ValidationError):
            read(retry=retry)


@pytest.mark.parametrize(
    ("member", "value", "is_valid"),
    [
        ("concurrency", {"limit": 100_000}, True),
        ("concurrency", {"limit": 100_001}, False),
        ("concurrency", {}, False),
        ("rate_limit", {"limit": 1_000_000}, True),
        ("rate_limit", {"limit": 1_000_001}, False),
        ("rate_limit", {"limit": 1, "burst": 10_000}, True),
        ("rate_limit", {"limit": 1, "burst": 10_001}, False),
        ("rate_limit", {"limit": 1, "burst": 0}, False),
        ("rate_limit", {"limit": 1, "per": "1s"}, True),
        ("rate_limit", {"limit": 1, "per": "31d"}, True),
        ("rate_limit", {"limit": 1, "per": "31d1us"}, False),
        ("rate_limit", {"limit": 1, "key": "k" * 200}, True),
        ("rate_limit", {"limit": 1, "key": "two words"}, True),
        ("rate_limit", {"limit": 1, "key": "a\tb"}, False),
    ],
    ids=lambda part: json.dumps(part)[:40],
)
def test_a_limit_has_its_bounds(member: str, value: dict[str, Any], is_valid: bool) -> None:
    if is_valid:
        assert getattr(read(**{member: value}), member).limit == value["limit"]
    else:
        with pytest.raises(ValidationError):
            read(**{member: value})


def test_without_policies_a_run_is_retried_and_a_live_run_skips_the_next() -> None:
    policies = read()

    assert (policies.overlap, policies.priority, policies.delivery) == (
        Overlap.SKIP,
        Priority.MEDIUM,
        Delivery.AT_LEAST_ONCE,
    )
    assert policies.retry.max_retries == 3
    assert (policies.timeout, policies.start_deadline, policies.concurrency, policies.rate_limit) == (None,) * 4


def test_a_run_beyond_a_limit_waits_unless_the_job_says_otherwise() -> None:
    policies = read(concurrency={"limit": 1}, rate_limit={"limit": 1, "beyond": "skip"})

    assert policies.concurrency and policies.concurrency.beyond is LimitAction.WAIT
    assert policies.rate_limit and policies.rate_limit.beyond is LimitAction.SKIP


@pytest.mark.parametrize(
    "members",
    [
        {"timeout": "90s", "retry": {"max_retries": 7, "backoff": "linear", "delay": "1m", "jitter": False}},
        {"concurrency": {"limit": 3, "key": "printer", "beyond": "skip"}, "priority": "critical"},
        {"rate_limit": {"limit": 10, "per": "1h", "burst": 2}, "overlap": "buffer_all", "delivery": "at_most_once"},
    ],
    ids=["retry", "concurrency", "rate"],
)
def test_stored_policies_are_read_back_equal(members: dict[str, Any]) -> None:
    policies = read(**members)

    assert read_policies(policies.model_dump_json()) == policies


def test_members_of_the_clock_are_ignored() -> None:
    assert read_policies('{"catch_up": {"window": "1h"}, "priority": "high"}') == read(priority="high")


def test_policies_that_cannot_be_read_are_a_value_with_the_reason() -> None:
    found = read_policies('{"priority": "urgent", "retry": {"max_retries": -1}}')

    assert isinstance(found, Unreadable)
    assert found.part == "policies"
    assert "priority must be one of" in found.reason
    assert "max_retries must be 0 or more" in found.reason


def test_stored_text_that_is_no_json_raises() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        read_policies("nonsense")


def test_policies_with_more_members_are_read_as_their_class() -> None:
    class JobPolicies(RunPolicies):
        jitter: int = Field(0, ge=0)

    found = read_as(JobPolicies, '{"jitter": 5, "priority": "low"}')
    wrong = read_as(JobPolicies, '{"jitter": -5}')

    assert isinstance(found, JobPolicies) and (found.jitter, found.priority) == (5, Priority.LOW)
    assert isinstance(wrong, Unreadable) and wrong.reason == "jitter must be 0 or more."
