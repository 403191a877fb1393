"""Pure: retry policies. Whether, and when, a run is retried after a failed attempt."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, assert_never

from pydantic import BaseModel, ConfigDict, Field

from values.duration_field import Duration


class Backoff(StrEnum):
    FIXED = "fixed"  # delay, delay, delay
    LINEAR = "linear"  # delay, 2 × delay, 3 × delay
    EXPONENTIAL = "exponential"  # delay, 2 × delay, 4 × delay


MAX_RETRIES = 100  # a run that fails this often is not helped by retries; every attempt is a row of its history
MAX_EXPONENT = 62  # 2 ** 62 times any delay exceeds every `max_delay`; the cap only keeps the number small


class RetryPolicy(BaseModel):
    """How often a run is retried, and the delay before each retry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_retries: Annotated[int, Field(ge=0, le=MAX_RETRIES, strict=True)] = Field(
        3, description="Maximum number of retries after the first attempt."
    )
    backoff: Backoff = Backoff.EXPONENTIAL
    delay: Duration = Field(timedelta(seconds=5), description="Delay before the first retry.")
    max_delay: Duration = Field(
        timedelta(hours=1), description="Maximum delay before a retry, unless the target requests a longer delay."
    )
    jitter: Annotated[bool, Field(strict=True)] = Field(
        default=True,
        description="Multiply each delay by a random factor between 0.5 and 1. Runs that failed at the same time are "
        "then not retried at the same time. A delay that the target requests stays unchanged.",
    )


def next_retry_at(policy: RetryPolicy, n_failures: int, now: datetime, chance: float) -> datetime | None:
    """Return when to retry after the `n_failures`-th failure (from 1), or None if no retry is left.

    If the policy has jitter, the delay is multiplied by a factor between 0.5 and 1. The factor depends on `chance`, a
    random number in [0, 1). This is "equal jitter": M. Brooker, "Exponential Backoff and Jitter", AWS Architecture
    Blog, 2015.
    """
    if n_failures > policy.max_retries:
        return None
    match policy.backoff:
        case Backoff.FIXED:
            factor = 1
        case Backoff.LINEAR:
            factor = n_failures
        case Backoff.EXPONENTIAL:
            factor = 2 ** min(n_failures - 1, MAX_EXPONENT)
        case _:
            assert_never(policy.backoff)
    delay = min(policy.delay.total_seconds() * factor, policy.max_delay.total_seconds())
    if policy.jitter:
        delay *= 0.5 + chance / 2
    return now + timedelta(seconds=delay)
