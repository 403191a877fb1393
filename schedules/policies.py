"""The policies of a job: those that govern its occurrences, beside those that govern its runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from executions.duration_field import Duration
from executions.overlap import Overlap
from executions.policies import Delivery, RunPolicies
from schedules.clock.catchup import CatchUp

MAX_AGE_LIMIT, LONGEST_PACE, LONGEST_JITTER = timedelta(days=366), timedelta(days=1), timedelta(days=1)
MOST_CAUGHT_UP, DEFAULT_PACE = 10_000, timedelta(seconds=1)


def _max_age(value: timedelta) -> timedelta:
    if value > MAX_AGE_LIMIT:
        raise ValueError("The longest age to catch up is 366d.")
    return value


def _pace(value: timedelta) -> timedelta:
    if value > LONGEST_PACE:
        raise ValueError("The slowest pace is 1d.")
    return value


def _jitter(value: timedelta) -> timedelta:
    if value > LONGEST_JITTER:
        raise ValueError("The longest jitter is 1d.")
    return value


Jitter = Annotated[Duration, AfterValidator(_jitter)]


class CatchUpPolicy(BaseModel):
    """What becomes of occurrences that were missed while no beat was running."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: CatchUp = Field(
        CatchUp.LAST,
        description="skip: none runs. first: the earliest runs, once. last: the latest runs, once. all: each runs.",
    )
    max_age: Annotated[Duration, AfterValidator(_max_age)] = Field(
        timedelta(hours=1), description="What was missed longer ago than this never runs."
    )
    max_runs: Annotated[int, Field(ge=1, le=MOST_CAUGHT_UP, strict=True)] = Field(
        1000, description="Of more missed occurrences than this, the earlier ones never run."
    )
    pace: Annotated[Duration, AfterValidator(_pace)] | None = Field(
        None, description="At the least so long between the starts of two runs that are caught up with. Null: 1s."
    )

    @property
    def between_starts(self) -> timedelta:
        """The pace, with its default."""
        return DEFAULT_PACE if self.pace is None else self.pace


class JobPolicies(RunPolicies):
    """Every policy of a job, with its defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    catch_up: CatchUpPolicy = CatchUpPolicy()
    jitter: Jitter = Field(
        timedelta(0),
        description="Each run starts up to so much later than its instant, always before the next one: by how much is "
        "drawn from the job's id and the instant, so it is the same whoever asks.",
    )
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
