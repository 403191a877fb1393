"""The policies of a job that govern its runs once they are born. Frozen with each run."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from executions.duration_field import Duration
from executions.durations import duration_text
from executions.overlap import Overlap
from executions.retry import RetryPolicy
from executions.targets.registry import TARGETS

MIN_TIMEOUT, MAX_TIMEOUT = timedelta(milliseconds=100), timedelta(days=1)
_DEFAULT_TIMEOUTS = ", ".join(f"{duration_text(kind.default_timeout)} for `{name}`" for name, kind in TARGETS.items())


class Delivery(StrEnum):
    AT_LEAST_ONCE = "at_least_once"  # a run whose worker was lost is carried out again
    AT_MOST_ONCE = "at_most_once"  # a run is never tried again, whatever became of its one attempt


def _timeout(value: timedelta) -> timedelta:
    if not MIN_TIMEOUT <= value <= MAX_TIMEOUT:
        raise ValueError("A timeout lies between 100ms and 1d.")
    return value


class RunPolicies(BaseModel):
    """What dispatch, runner and reaper need of a job's policies; others in the same JSON are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    overlap: Overlap = Field(Overlap.SKIP, description="What to do when an earlier run of the job is still live.")
    retry: RetryPolicy = RetryPolicy()
    timeout: Annotated[Duration, AfterValidator(_timeout)] | None = Field(
        None, description=f"Total time of one attempt. Null: {_DEFAULT_TIMEOUTS}."
    )
    delivery: Delivery = Field(
        Delivery.AT_LEAST_ONCE,
        description="at_most_once: one attempt, never another, not even when its worker was lost. It allows no retries.",
    )


@lru_cache(maxsize=8192)
def read_policies(text: str) -> RunPolicies:
    """Read policies as they are stored. Raises ValueError for those of another version of the code."""
    return RunPolicies.model_validate_json(text)
