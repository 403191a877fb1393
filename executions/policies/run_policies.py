"""The policies of a job that apply to its runs. Frozen with each version of the job's definition."""

from __future__ import annotations

import json
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from executions.policies.limits import ConcurrencyLimit, Priority, RateLimit
from executions.policies.overlap import MAX_BUFFERED_RUNS, Overlap
from executions.policies.retry import RetryPolicy
from executions.targets.base import MAX_ATTEMPT_TIMEOUT, MIN_ATTEMPT_TIMEOUT
from executions.targets.registry import TARGETS
from values.duration_field import Duration
from values.durations import duration_text
from values.field_errors import field_errors
from values.readable import Unreadable

MAX_START_DEADLINE = timedelta(days=366)  # a year; longer is most likely a mistake
_DEFAULT_TIMEOUTS = ", ".join(f"{duration_text(kind.default_timeout)} for `{name}`" for name, kind in TARGETS.items())


class Delivery(StrEnum):
    AT_LEAST_ONCE = "at_least_once"  # a run whose worker was lost is executed again
    AT_MOST_ONCE = "at_most_once"  # a run has at most one attempt, even if its worker is lost


def _timeout(value: timedelta) -> timedelta:
    if not MIN_ATTEMPT_TIMEOUT <= value <= MAX_ATTEMPT_TIMEOUT:
        raise ValueError("A timeout must be between 100ms and 1d.")
    return value


def _deadline(value: timedelta) -> timedelta:
    if not timedelta(seconds=1) <= value <= MAX_START_DEADLINE:
        raise ValueError("A start deadline must be between 1s and 366d.")
    return value


class RunPolicies(BaseModel):
    """The policies that `executions` reads. The stored JSON has more policies, which are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    overlap: Overlap = Field(
        Overlap.SKIP,
        description="What happens to an occurrence while the job has live runs. `skip`: the occurrence is skipped. "
        "`buffer_one`: one run is held until the live runs have ended; further occurrences are skipped. "
        f"`buffer_all`: each run is held until the earlier runs have ended; if {MAX_BUFFERED_RUNS} runs are held, "
        "further occurrences are skipped. "
        "`cancel_other`: the live runs are cancelled (a running run gets a stop request), and the new run starts when "
        "they have ended. "
        "`terminate_other`: the live runs are cancelled immediately, and the new run starts. "
        "`allow`: the new run starts, in addition to the live runs.",
    )
    priority: Priority = Field(
        Priority.MEDIUM,
        description="Held and queued runs with a higher priority start first, across all jobs.",
    )
    concurrency: ConcurrencyLimit | None = None
    rate_limit: RateLimit | None = None
    start_deadline: Annotated[Duration, AfterValidator(_deadline)] | None = Field(
        None,
        description="How late a run may start. If no worker has started the run this long after its planned start, the "
        "run is skipped with the reason `expired`. Runs of a backfill, and runs for occurrences during a pause, have "
        "no deadline.",
    )
    retry: RetryPolicy = RetryPolicy()
    timeout: Annotated[Duration, AfterValidator(_timeout)] | None = Field(
        None, description=f"Maximum duration of one attempt. Null: {_DEFAULT_TIMEOUTS}."
    )
    delivery: Delivery = Field(
        Delivery.AT_LEAST_ONCE,
        description="`at_least_once`: a run whose worker was lost is executed again. `at_most_once`: a run has at most "
        "one attempt, even if its worker is lost. With `at_most_once`, the default of `retry.max_retries` is 0, and no "
        "other value is allowed.",
    )


P = TypeVar("P", bound=RunPolicies)


@lru_cache(maxsize=8192)
def read_policies(text: str) -> RunPolicies | Unreadable:
    """Parse stored policies. Return Unreadable if they are invalid. Cached, because many runs share one definition."""
    return read_as(RunPolicies, text)


def read_as(kind: type[P], text: str) -> P | Unreadable:
    """Parse stored policies as `kind`, which is RunPolicies or a subclass of it. Return Unreadable if they are invalid.

    Raises ValueError if `text` is not JSON.
    """
    stored = json.loads(text)
    try:
        return kind.model_validate(stored)
    except ValidationError as error:
        return Unreadable.from_errors("policies", field_errors(error, stored))
