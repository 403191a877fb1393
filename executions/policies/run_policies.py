"""The policies of a job that govern its runs once they are born. Frozen with each run."""

from __future__ import annotations

import json
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from executions.policies.limits import ConcurrencyLimit, Priority, RateLimit
from executions.policies.overlap import Overlap
from executions.policies.retry import RetryPolicy
from executions.targets.registry import TARGETS
from values.duration_field import Duration
from values.durations import duration_text
from values.field_errors import field_errors
from values.readable import Unreadable

MIN_TIMEOUT, MAX_TIMEOUT = timedelta(milliseconds=100), timedelta(days=1)
MAX_START_DEADLINE = timedelta(days=366)
_DEFAULT_TIMEOUTS = ", ".join(f"{duration_text(kind.default_timeout)} for `{name}`" for name, kind in TARGETS.items())


class Delivery(StrEnum):
    AT_LEAST_ONCE = "at_least_once"  # a run whose worker was lost is carried out again
    AT_MOST_ONCE = "at_most_once"  # a run is never tried again, whatever became of its one attempt


def _timeout(value: timedelta) -> timedelta:
    if not MIN_TIMEOUT <= value <= MAX_TIMEOUT:
        raise ValueError("A timeout lies between 100ms and 1d.")
    return value


def _deadline(value: timedelta) -> timedelta:
    if not timedelta(seconds=1) <= value <= MAX_START_DEADLINE:
        raise ValueError("A start deadline lies between 1s and 366d.")
    return value


class RunPolicies(BaseModel):
    """What dispatch, runner and reaper need of a job's policies; others in the same JSON are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    overlap: Overlap = Field(
        Overlap.SKIP,
        description="What becomes of an occurrence while an earlier run of the job goes on. skip: it does not start. "
        "buffer_one: one waits. buffer_all: each waits its turn. cancel_other: the others are asked to stop, and it "
        "starts when they have. terminate_other: the others are over at once, and it starts. allow: it starts too.",
    )
    priority: Priority = Field(Priority.MEDIUM, description="Which of the runs that wait for a worker comes first.")
    concurrency: ConcurrencyLimit | None = None
    rate_limit: RateLimit | None = None
    start_deadline: Annotated[Duration, AfterValidator(_deadline)] | None = Field(
        None, description="A run that no worker has begun by so long after its instant never starts: reason `expired`."
    )
    retry: RetryPolicy = RetryPolicy()
    timeout: Annotated[Duration, AfterValidator(_timeout)] | None = Field(
        None, description=f"Total time of one attempt. Null: {_DEFAULT_TIMEOUTS}."
    )
    delivery: Delivery = Field(
        Delivery.AT_LEAST_ONCE,
        description="at_most_once: one attempt, never another, not even when its worker was lost. It allows no retries.",
    )


P = TypeVar("P", bound=RunPolicies)


@lru_cache(maxsize=8192)
def read_policies(text: str) -> RunPolicies | Unreadable:
    """Read policies as they are stored."""
    return read_as(RunPolicies, text)


def read_as(kind: type[P], text: str) -> P | Unreadable:
    """The same for a kind that has more of them."""
    stored = json.loads(text)
    try:
        return kind.model_validate(stored)
    except ValidationError as error:
        return Unreadable.from_errors("policies", field_errors(error, stored))
