"""The policies of a job: those that govern its occurrences, beside those that govern its runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from executions.policies import Delivery, Overlap, RunPolicies
from schedules.clock.policies.catch_up import CatchUp
from values.duration_field import Duration

MAX_AGE_LIMIT, LONGEST_PACE, LONGEST_JITTER = timedelta(days=366), timedelta(days=1), timedelta(days=1)
MOST_CAUGHT_UP, DEFAULT_PACE = 10_000, timedelta(seconds=1)
FLAG_NAME, MAX_FLAG_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*", 100


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

    feature_flag: Annotated[str, Field(pattern=rf"^(?:{FLAG_NAME})$", max_length=MAX_FLAG_NAME)] | None = Field(
        None,
        description="While this flag is off, no occurrence starts: reason `feature_off`. Runs by hand do. Null: none.",
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


def misfits(policies: JobPolicies, *, has_schedule: bool) -> dict[str, str]:
    """What does not go together, by dotted field: a sentence each, which begins with the field's name.

    What is set and would change nothing is such a thing. A default never is: who has read a job sends all of it back.
    """
    set_anew = [
        name for name in CatchUpPolicy.model_fields if getattr(policies.catch_up, name) != getattr(_USUAL, name)
    ]
    found = {}
    if not has_schedule:
        idle = [f"catch_up.{name}" for name in set_anew] + (["jitter"] if policies.jitter else [])
        why = "has no effect on a job without a schedule: leave it at its default, or give the job a schedule."
        found = {dotted: f"{dotted.rpartition('.')[2]} {why}" for dotted in idle}
    elif policies.catch_up.mode is CatchUp.SKIP:
        why = "has no effect, as nothing is caught up with: leave it at its default, or choose another mode than skip."
        found = {f"catch_up.{name}": f"{name} {why}" for name in set_anew if name in ("max_runs", "pace")}
    rate = policies.rate_limit
    if rate and rate.burst > rate.limit:
        found["rate_limit.burst"] = (
            f"burst is {rate.burst:,}, more than the {rate.limit:,} that may start in a whole period: "
            f"make it {rate.limit:,} or less, or raise the limit."
        )
    return found


_USUAL = CatchUpPolicy()
