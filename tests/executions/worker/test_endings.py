"""Proves how an attempt ends, under the job's policies: by the target's outcome, a lost worker or a killed process."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executions.policies.retry import RetryPolicy
from executions.policies.run_policies import Delivery, RunPolicies
from executions.states import LIVE, TRANSITIONS, AttemptStatus, RunStatus
from executions.targets.base import Cancelled, Failed, Outcome, RetryAt, Succeeded
from executions.worker.endings import MAX_LOST, EndedAttempt, after_kill, after_loss, after_outcome, max_attempts
from tests.factories import NOW

RUN_ID = UUID("01935b7e-0000-7000-8000-000000000001")
MINUTE = timedelta(minutes=1)
BROKEN = Failed("exception", "It broke.", result={"line": 7})
BUSY = RetryAt(NOW + 5 * MINUTE, "http_status", "It is busy.", result={"status": 429})


def ended(attempt: int = 1, n_lost: int = 0) -> EndedAttempt:
    return EndedAttempt(RUN_ID, 4, attempt, n_lost)


def policies(max_retries: int = 2, **more: Any) -> RunPolicies:
    retry = RetryPolicy(max_retries=max_retries, delay=timedelta(seconds=10), jitter=False)
    return RunPolicies(retry=retry, **more)


@pytest.mark.parametrize(
    ("outcome", "status", "attempt_status"),
    [
        (Succeeded({"n": 1}), RunStatus.SUCCEEDED, AttemptStatus.SUCCEEDED),
        (Cancelled("Stopped.", {"n": 1}), RunStatus.CANCELLED, AttemptStatus.CANCELLED),
        (Failed("x", "y"), RunStatus.RETRYING, AttemptStatus.FAILED),
        (Failed("x", "y", permanent=True), RunStatus.FAILED, AttemptStatus.FAILED),
        (Failed("timed_out", "y"), RunStatus.RETRYING, AttemptStatus.TIMED_OUT),
        (Failed("timed_out", "y", permanent=True), RunStatus.FAILED, AttemptStatus.TIMED_OUT),
        (RetryAt(NOW, "x", "y"), RunStatus.RETRYING, AttemptStatus.FAILED),
        (RetryAt(NOW, "timed_out", "y"), RunStatus.RETRYING, AttemptStatus.TIMED_OUT),
    ],
    ids=[
        "success", "cancelled", "failure", "permanent", "timeout", "permanent timeout", "retry later", "timeout, later",
    ],
)  # fmt: skip
def test_each_outcome_has_its_statuses(outcome: Outcome, status: RunStatus, attempt_status: AttemptStatus) -> None:
    ending = after_outcome(ended(), outcome, policies(), NOW, 0)

    assert (ending.status, ending.attempt_status) == (status, attempt_status)
    assert (ending.run_id, ending.claim_no) == (RUN_ID, 4)


@pytest.mark.parametrize(
    ("outcome", "code", "text", "result"),
    [
        (Succeeded({"n": 1}), "", "", {"n": 1}),
        (Succeeded(), "", "", None),
        (Cancelled("Stopped.", {"n": 1}), "cancelled", "Stopped.", {"n": 1}),
        (BROKEN, "exception", "It broke.", {"line": 7}),
        (BUSY, "http_status", "It is busy.", {"status": 429}),
    ],
    ids=["success", "no result", "cancelled", "failure", "retry later"],
)
def test_an_ending_keeps_the_code_the_message_and_the_result(
    outcome: Outcome, code: str, text: str, result: object
) -> None:
    ending = after_outcome(ended(), outcome, policies(), NOW, 0)

    assert (ending.error_code, ending.error, ending.result) == (code, text, result)


@pytest.mark.parametrize(
    ("attempt", "n_lost", "seconds"),
    [(1, 0, 10), (2, 0, 20), (3, 0, None), (3, 1, 20), (3, 2, 10), (4, 1, None), (5, 4, 10)],
    ids=["first", "second", "last", "one lost", "two lost", "last with one lost", "first after four lost"],
)
def test_lost_attempts_use_up_no_retry_and_lengthen_no_delay(attempt: int, n_lost: int, seconds: int | None) -> None:
    ending = after_outcome(ended(attempt, n_lost), BROKEN, policies(max_retries=2), NOW, 0)

    assert ending.retry_at == (None if seconds is None else NOW + timedelta(seconds=seconds))
    assert ending.status is (RunStatus.FAILED if seconds is None else RunStatus.RETRYING)


def test_chance_places_the_delay_within_the_jitter() -> None:
    jittered = RunPolicies(retry=RetryPolicy(delay=timedelta(seconds=10), jitter=True))

    delays = [
        (after_outcome(ended(), BROKEN, jittered, NOW, chance).retry_at or NOW) - NOW for chance in (0.0, 0.5, 0.9)
    ]

    assert [delay.total_seconds() for delay in delays] == [5, 7.5, 9.5]


@pytest.mark.parametrize("delivery", Delivery)
@pytest.mark.parametrize("outcome", [BROKEN, BUSY], ids=["failure", "retry later"])
def test_only_at_least_once_is_retried(delivery: Delivery, outcome: Outcome) -> None:
    ending = after_outcome(ended(), outcome, policies(delivery=delivery), NOW, 0)

    assert (ending.status is RunStatus.RETRYING) == (delivery is Delivery.AT_LEAST_ONCE)
    assert (ending.retry_at is None) == (delivery is Delivery.AT_MOST_ONCE)


@pytest.mark.parametrize(
    ("at", "expected"),
    [(NOW + 5 * MINUTE, NOW + 5 * MINUTE), (NOW, NOW), (NOW - MINUTE, NOW)],
    ids=["ahead", "now", "past"],
)
def test_a_named_time_replaces_the_delay_but_is_never_in_the_past(at: Any, expected: Any) -> None:
    ending = after_outcome(ended(), RetryAt(at, "busy", ""), policies(), NOW, 0)

    assert ending.retry_at == expected


def test_a_named_time_does_not_add_retries() -> None:
    ending = after_outcome(ended(attempt=3), BUSY, policies(max_retries=2), NOW, 0)

    assert (ending.status, ending.retry_at) == (RunStatus.FAILED, None)
    assert ending.error_code == "http_status"


@pytest.mark.parametrize(
    ("n_lost", "is_queued"),
    [(0, True), (MAX_LOST - 1, True), (MAX_LOST, False), (MAX_LOST + 1, False)],
)
def test_a_run_is_queued_again_until_it_has_lost_too_many_workers(n_lost: int, is_queued: bool) -> None:
    ending = after_loss(ended(attempt=n_lost + 1, n_lost=n_lost), policies(max_retries=0), NOW)

    assert ending.status is (RunStatus.QUEUED if is_queued else RunStatus.FAILED)
    assert ending.retry_at == (NOW if is_queued else None)
    assert (f"has lost {n_lost + 1} workers" in ending.error) != is_queued
    assert (ending.attempt_status, ending.error_code) == (AttemptStatus.LOST, "lost")


def test_a_lost_run_that_may_be_delivered_once_only_fails_and_says_so() -> None:
    ending = after_loss(ended(), policies(delivery=Delivery.AT_MOST_ONCE), NOW)

    assert (ending.status, ending.retry_at) == (RunStatus.FAILED, None)
    assert "at most once" in ending.error


@pytest.mark.parametrize(
    ("n_lost", "delivery", "expected"),
    [
        (0, Delivery.AT_LEAST_ONCE, 3),
        (1, Delivery.AT_LEAST_ONCE, 4),
        (MAX_LOST, Delivery.AT_LEAST_ONCE, 3 + MAX_LOST),
        (MAX_LOST + 1, Delivery.AT_LEAST_ONCE, 3 + MAX_LOST),
        (0, Delivery.AT_MOST_ONCE, 1),
        (1, Delivery.AT_MOST_ONCE, 1),
    ],
)
def test_a_lost_worker_adds_an_attempt_only_if_the_run_is_queued_again(
    n_lost: int, delivery: Delivery, expected: int
) -> None:
    assert max_attempts(policies(max_retries=2, delivery=delivery), n_lost) == expected


def test_a_killed_attempt_has_timed_out_and_is_retried_like_a_failure() -> None:
    first = after_kill(ended(), policies(max_retries=1), NOW, 0)
    second = after_kill(ended(attempt=2), policies(max_retries=1), NOW, 0)

    assert (first.status, first.attempt_status) == (RunStatus.RETRYING, AttemptStatus.TIMED_OUT)
    assert first.retry_at == NOW + timedelta(seconds=10)
    assert (second.status, second.error_code) == (RunStatus.FAILED, "timed_out")


OUTCOMES = st.one_of(
    st.builds(Succeeded),
    st.builds(Cancelled),
    st.builds(Failed, st.sampled_from(["timed_out", "x"]), st.just("y"), st.booleans()),
    st.builds(RetryAt, st.timedeltas(-MINUTE, MINUTE).map(lambda away: NOW + away), st.just("x"), st.just("y")),
)


@settings(max_examples=100)
@given(OUTCOMES, st.integers(1, 8), st.integers(0, 7), st.integers(0, 3), st.sampled_from(Delivery))
def test_a_next_attempt_is_planned_exactly_if_the_run_stays_live(
    outcome: Outcome, attempt: int, n_lost: int, max_retries: int, delivery: Delivery
) -> None:
    of_run = ended(max(attempt, n_lost + 1), n_lost)
    applied = policies(max_retries, delivery=delivery)

    for ending in (after_outcome(of_run, outcome, applied, NOW, 0.5), after_loss(of_run, applied, NOW)):
        assert (ending.retry_at is not None) == (ending.status in LIVE)
        assert ending.retry_at is None or ending.retry_at >= NOW
        assert ending.status in TRANSITIONS[RunStatus.RUNNING]
