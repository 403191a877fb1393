"""Retry policies: when an attempt that failed is tried again, if at all. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from values.duration_field import Duration


class Backoff(StrEnum):
    FIXED = "fixed"  # delay, delay, delay
    LINEAR = "linear"  # delay, 2 × delay, 3 × delay
    EXPONENTIAL = "exponential"  # delay, 2 × delay, 4 × delay


class RetryPolicy(BaseModel):
    """How often, and how long after a failure, a run is tried again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_retries: Annotated[int, Field(ge=0, le=100, strict=True)] = Field(3, description="Tries after the first one.")
    backoff: Backoff = Backoff.EXPONENTIAL
    delay: Duration = Field(timedelta(seconds=5), description="Delay before the first retry.")
    max_delay: Duration = Field(timedelta(hours=1), description="No delay grows past this.")
    jitter: bool = Field(
        default=True, description="Spread each delay over its upper half, so that failures do not return together."
    )


def next_retry_at(policy: RetryPolicy, n_failures: int, now: datetime, chance: float) -> datetime | None:
    """Return when to try again after the `n_failures`-th failure (from 1), or None to give up.

    `chance` in [0, 1) places the delay inside its upper half when the policy has jitter ("equal jitter" of
    M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015).
    """
    if n_failures > policy.max_retries:
        return None
    factor = {
        Backoff.FIXED: 1,
        Backoff.LINEAR: n_failures,
        Backoff.EXPONENTIAL: 2 ** min(n_failures - 1, 62),
    }[policy.backoff]
    ceiling = policy.max_delay.total_seconds()
    delay = min(policy.delay.total_seconds() * factor, ceiling)
    if policy.jitter:
        delay *= 0.5 + chance / 2
    return now + timedelta(seconds=delay)
