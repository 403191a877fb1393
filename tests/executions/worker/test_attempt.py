"""Proves how one attempt is prepared and executed: with its policies, its times, and whatever its target does."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from executions.lifecycle.types import Claim
from executions.policies.run_policies import RunPolicies
from executions.states import AttemptStatus, RunStatus
from executions.targets.base import Context, Failed, Outcome, RetryAt, Succeeded, Target, TargetConfig
from executions.targets.command.target import TARGET as COMMAND
from executions.targets.registry import TARGETS
from executions.worker import attempt
from tests.factories import ECHO, NOW

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)
CLAIM = Claim(
    run_id=UUID("01935b7e-0000-7000-8000-000000000001"),
    claim_no=3,
    attempt=2,
    n_lost=1,
    nominal_at=NOW,
    job_name="nightly report",
    target_kind="command",
    target=ECHO,
    payload={"message": "hello"},
    policies='{"timeout": "20s"}',
)


def ticking() -> Any:
    """Return a clock that moves on by a second with each reading."""
    times = iter(NOW + number * SECOND for number in range(10))
    return lambda: next(times)


def scripted(monkeypatch: pytest.MonkeyPatch, act: Any) -> list[tuple[TargetConfig, Any, Context]]:
    """Replace the command target by one that calls `act`. Return the list of its calls."""
    calls: list[tuple[TargetConfig, Any, Context]] = []

    class Scripted(Target):
        kind, config, queue, default_timeout = COMMAND.kind, COMMAND.config, COMMAND.queue, COMMAND.default_timeout

        def execute(self, config: TargetConfig, payload: Any, context: Context) -> Outcome:
            calls.append((config, payload, context))
            outcome: Outcome = act()
            return outcome

    monkeypatch.setitem(TARGETS, "command", Scripted())
    return calls


def raising(error: Exception) -> Any:
    def act() -> Outcome:
        raise error

    return act


def test_a_prepared_attempt_has_the_policies_and_the_timeout_of_its_claim() -> None:
    prepared = attempt.prepare(CLAIM)

    assert prepared.context.timeout == prepared.policies.timeout == timedelta(seconds=20)
    assert prepared.refusal is None
    assert attempt.prepare(replace(CLAIM, policies="{}")).context.timeout == COMMAND.default_timeout


@pytest.mark.parametrize(
    "claim",
    [
        replace(CLAIM, policies='{"priority": "urgent"}'),
        replace(CLAIM, policies="nonsense"),
        replace(CLAIM, target_kind="from the future"),
        replace(CLAIM, target={"kind": "command", "nonsense": 1}),
        replace(CLAIM, target={}),
    ],
    ids=["policies", "policies that are no JSON", "kind", "target", "empty target"],
)
def test_a_definition_that_cannot_be_read_fails_for_good_without_a_call(
    monkeypatch: pytest.MonkeyPatch, claim: Claim
) -> None:
    calls = scripted(monkeypatch, Succeeded)

    ending = attempt.execute(attempt.prepare(claim), ticking())

    assert calls == []
    assert (ending.status, ending.error_code) == (RunStatus.FAILED, "invalid_definition")
    assert "another version of Mainspring" in ending.error


def test_a_target_gets_its_configuration_the_payload_and_the_context(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = scripted(monkeypatch, Succeeded)
    prepared = attempt.prepare(CLAIM)

    attempt.execute(prepared, ticking())

    ((config, payload, context),) = calls
    assert config == COMMAND.config.model_validate(ECHO)
    assert payload == {"message": "hello"}
    assert context is prepared.context


def test_an_ending_has_the_claim_and_the_times_of_its_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, lambda: Succeeded({"n": 1}))

    ending = attempt.execute(attempt.prepare(CLAIM), ticking())

    assert (ending.run_id, ending.claim_no, ending.result) == (CLAIM.run_id, 3, {"n": 1})
    assert (ending.began_at, ending.ended_at) == (NOW, NOW + SECOND)


def test_an_attempt_never_ends_before_it_began_even_if_the_clock_is_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, Succeeded)
    times = iter([NOW, NOW - SECOND])

    ending = attempt.execute(attempt.prepare(CLAIM), lambda: next(times))

    assert (ending.began_at, ending.ended_at) == (NOW, NOW)


def test_a_target_that_raises_has_failed_and_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, raising(KeyError("page")))

    ending = attempt.execute(attempt.prepare(CLAIM), ticking())

    assert (ending.status, ending.attempt_status) == (RunStatus.RETRYING, AttemptStatus.FAILED)
    assert (ending.error_code, ending.error) == ("internal_error", "The target raised KeyError: 'page'")


@pytest.mark.parametrize(
    ("max_retries", "n_lost", "status"),
    [(1, 0, RunStatus.FAILED), (1, 1, RunStatus.RETRYING), (2, 0, RunStatus.RETRYING)],
    ids=["no retry left", "one was lost", "one retry left"],
)
def test_the_retries_of_the_job_count_from_its_failures(
    monkeypatch: pytest.MonkeyPatch, max_retries: int, n_lost: int, status: RunStatus
) -> None:
    scripted(monkeypatch, lambda: Failed("x", "y"))
    claim = replace(CLAIM, n_lost=n_lost, policies=RunPolicies().model_dump_json())
    policies = f'{{"retry": {{"max_retries": {max_retries}}}}}'

    assert attempt.execute(attempt.prepare(replace(claim, policies=policies)), ticking()).status is status


def test_a_named_retry_time_counts_from_the_end_of_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[datetime] = [NOW, NOW + 5 * SECOND]
    scripted(monkeypatch, lambda: RetryAt(NOW + SECOND, "busy", "y"))

    ending = attempt.execute(attempt.prepare(CLAIM), iter(times).__next__)

    assert ending.retry_at == NOW + 5 * SECOND, "the named time has passed when the attempt ends"
