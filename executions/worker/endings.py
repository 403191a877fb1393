"""Pure: derives the ending of an attempt from its outcome, or from the loss of its worker.

The job's retry and delivery policies decide whether another attempt follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

from executions.lifecycle.types import Ending
from executions.policies import retry
from executions.policies.run_policies import Delivery, RunPolicies
from executions.states import AttemptStatus, RunStatus
from executions.targets.base import TIMED_OUT, Cancelled, Failed, Outcome, RetryAt, Succeeded

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

MAX_LOST = 5  # a run that loses more workers than this fails, because the run itself may kill the workers


@dataclass(frozen=True, slots=True)
class EndedAttempt:
    """The claim of an ended attempt. `n_lost`: number of earlier attempts that lost their worker."""

    run_id: UUID
    claim_no: int
    attempt: int  # 1 for the first
    n_lost: int

    def ending(self, status: RunStatus, attempt_status: AttemptStatus, **details: Any) -> Ending:
        """Return an ending of this claim. `details` are further fields of `Ending`."""
        return Ending(self.run_id, self.claim_no, status, attempt_status, **details)


def after_outcome(ended: EndedAttempt, outcome: Outcome, policies: RunPolicies, now: datetime, chance: float) -> Ending:
    """Return the ending of an attempt whose target returned `outcome`.

    `chance` in [0, 1) determines the retry's jitter.
    """
    match outcome:
        case Succeeded():
            return ended.ending(RunStatus.SUCCEEDED, AttemptStatus.SUCCEEDED, result=outcome.result)
        case Cancelled():
            return ended.ending(
                RunStatus.CANCELLED,
                AttemptStatus.CANCELLED,
                error_code="cancelled",
                error=outcome.message,
                result=outcome.result,
            )
        case RetryAt():
            retry_at = _retry_at(ended, policies, now, chance)
            return _failure(ended, outcome, max(outcome.at, now) if retry_at else None)
        case Failed():
            return _failure(ended, outcome, None if outcome.permanent else _retry_at(ended, policies, now, chance))
        case _:
            assert_never(outcome)


def _retry_at(ended: EndedAttempt, policies: RunPolicies, now: datetime, chance: float) -> datetime | None:
    if policies.delivery is Delivery.AT_MOST_ONCE:
        return None
    # A lost worker is not a failure of the target, so it uses up no retry.
    return retry.next_retry_at(policies.retry, ended.attempt - ended.n_lost, now, chance)


def _failure(ended: EndedAttempt, outcome: Failed | RetryAt, retry_at: datetime | None) -> Ending:
    return ended.ending(
        RunStatus.RETRYING if retry_at else RunStatus.FAILED,
        AttemptStatus.TIMED_OUT if outcome.code == TIMED_OUT else AttemptStatus.FAILED,
        error_code=outcome.code,
        error=outcome.message,
        result=outcome.result,
        retry_at=retry_at,
    )


def after_loss(ended: EndedAttempt, policies: RunPolicies, now: datetime) -> Ending:
    """Return the ending of an attempt whose worker was lost.

    The run is queued again immediately. This uses up no retry, because the target did not fail. But the run fails after
    more than `MAX_LOST` lost workers, or if the job's delivery is at most once.
    """
    error, status = "The worker was lost: it stopped renewing its claim.", RunStatus.QUEUED
    if policies.delivery is Delivery.AT_MOST_ONCE:
        status, error = RunStatus.FAILED, f"{error} The run is not retried, because the job's delivery is at most once."
    elif ended.n_lost >= MAX_LOST:
        status, error = (
            RunStatus.FAILED,
            f"{error} The run is not retried, because it has lost {ended.n_lost + 1} workers.",
        )
    retry_at = now if status is RunStatus.QUEUED else None
    return ended.ending(status, AttemptStatus.LOST, error_code=AttemptStatus.LOST.value, error=error, retry_at=retry_at)


def max_attempts(policies: RunPolicies, n_lost: int) -> int:
    """Return the maximum number of attempts of a run. `n_lost`: number of the run's attempts that lost their worker."""
    if policies.delivery is Delivery.AT_MOST_ONCE:
        return 1
    return policies.retry.max_retries + 1 + min(n_lost, MAX_LOST)


def after_kill(ended: EndedAttempt, policies: RunPolicies, now: datetime, chance: float) -> Ending:
    """Return the ending of an attempt whose process was killed because the attempt exceeded its timeout."""
    outcome = Failed(TIMED_OUT, "The attempt exceeded its timeout, and its process was killed.")
    return after_outcome(ended, outcome, policies, now, chance)
