"""The policies of a job: those that govern its occurrences, beside those that govern its runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from executions.duration_field import Duration
from executions.overlap import Overlap
from executions.policies import Delivery, RunPolicies
from schedules.clock.catchup import CatchUp

MAX_AGE_LIMIT = timedelta(days=366)


def _max_age(value: timedelta) -> timedelta:
    if value > MAX_AGE_LIMIT:
        raise ValueError("The longest age to catch up is 366d.")
    return value


class CatchUpPolicy(BaseModel):
    """What becomes of occurrences that were missed while no beat was running."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: CatchUp = Field(CatchUp.LAST, description="skip: none runs. last: the latest runs, once. all: each runs.")
    max_age: Annotated[Duration, AfterValidator(_max_age)] = Field(
        timedelta(hours=1), description="What was missed longer ago than this never runs."
    )


class JobPolicies(RunPolicies):
    """Every policy of a job, with its defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    catch_up: CatchUpPolicy = CatchUpPolicy()
    pause_after_failures: Annotated[int, Field(ge=1, le=100, strict=True)] | None = Field(
        None, description="The job is paused when so many of its runs have failed in a row. Null: never."
    )

    @property
    def has_followers(self) -> bool:
        """Whether something follows when a run of the job ends."""
        waits = self.overlap in (Overlap.BUFFER_ONE, Overlap.BUFFER_ALL, Overlap.CANCEL_OTHER)
        return waits or self.pause_after_failures is not None

    @model_validator(mode="after")
    def _no_retries_at_most_once(self) -> Self:
        if self.delivery is Delivery.AT_MOST_ONCE and self.retry.max_retries:
            if "retry" in self.model_fields_set and "max_retries" in self.retry.model_fields_set:
                raise ValueError(
                    "A job whose delivery is at_most_once is never tried again: set retry.max_retries to 0."
                )
            object.__setattr__(self, "retry", self.retry.model_copy(update={"max_retries": 0}))
        return self
