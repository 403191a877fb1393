"""From the outcome of an attempt to the end of it: what becomes of the run, under its retry policy. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from executions.lifecycle.transitions import Ending
from executions.policies import retry
from executions.policies.run_policies import Delivery, RunPolicies
from executions.states import AttemptStatus, RunStatus
from executions.targets.base import Cancelled, Failed, Outcome, RetryAt, Succeeded

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

MAX_LOST = 5  # a run that takes its worker down with it must not do so for ever
TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True)
class EndedAttempt:
    """The attempt that ended: its claim, its number from 1, and how many attempts of the run were lost before."""

    run_id: UUID
    claim_no: int
    attempt: int
    n_lost: int

    def ending(self, status: RunStatus, attempt_status: AttemptStatus, **details: Any) -> Ending:
        return Ending(self.run_id, self.claim_no, status, attempt_status, **details)


def after_outcome(ended: EndedAttempt, outcome: Outcome, policies: RunPolicies, now: datetime, chance: float) -> Ending:
    """Return the end of an attempt that returned an outcome. `chance` in [0, 1) is the retry's jitter."""
    if isinstance(outcome, Succeeded):
        return ended.ending(RunStatus.SUCCEEDED, AttemptStatus.SUCCEEDED, result=outcome.result)
    if isinstance(outcome, Cancelled):
        return ended.ending(
            RunStatus.CANCELLED,
            AttemptStatus.CANCELLED,
            error_code="cancelled",
            error=outcome.message,
            result=outcome.result,
        )
    retry_at = None
    is_retryable = isinstance(outcome, RetryAt) or not outcome.permanent
    if is_retryable and policies.delivery is not Delivery.AT_MOST_ONCE:
        retry_at = retry.next_retry_at(policies.retry, ended.attempt - ended.n_lost, now, chance)
    if retry_at and isinstance(outcome, RetryAt):
        retry_at = max(outcome.at, now)
    return ended.ending(
        RunStatus.RETRYING if retry_at else RunStatus.FAILED,
        AttemptStatus.TIMED_OUT if outcome.code == TIMED_OUT else AttemptStatus.FAILED,
        error_code=outcome.code,
        error=outcome.message,
        result=outcome.result,
        retry_at=retry_at,
    )


def after_loss(ended: EndedAttempt, policies: RunPolicies, now: datetime) -> Ending:
    """Return the end of an attempt whose worker was lost.

    That is no failure of the target, so it takes none of the job's retries: the run is queued again at once,
    `MAX_LOST` times at the most, unless its job asked for at most one execution.
    """
    error, status = "The worker was lost: it stopped renewing its claim.", RunStatus.QUEUED
    if policies.delivery is Delivery.AT_MOST_ONCE:
        status, error = RunStatus.FAILED, f"{error} Not tried again: the job's delivery is at most once."
    elif ended.n_lost >= MAX_LOST:
        status, error = RunStatus.FAILED, f"{error} Not tried again: this run has lost {ended.n_lost + 1} workers."
    retry_at = now if status is RunStatus.QUEUED else None
    return ended.ending(status, AttemptStatus.LOST, error_code="lost", error=error, retry_at=retry_at)


def after_kill(ended: EndedAttempt, policies: RunPolicies, now: datetime, chance: float) -> Ending:
    """Return the end of an attempt that outstayed its timeout and whose process was killed for it."""
    outcome = Failed(TIMED_OUT, "The attempt outstayed its timeout and its process was killed.")
    return after_outcome(ended, outcome, policies, now, chance)
