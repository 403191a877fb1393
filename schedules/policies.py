"""The policies of a job: policies for its occurrences, and `RunPolicies` for its runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from executions.policies import Delivery, Overlap, RunPolicies
from schedules.clock.policies.catch_up import CatchUp
from values.duration_field import Duration
from values.durations import duration_text

MAX_CATCH_UP_AGE = timedelta(days=366)  # a year; a longer time is most likely a mistake
MAX_CATCH_UP_RUNS = 10_000  # started after one outage; a beat needs several passes to open this many runs
MAX_CATCH_UP_PACE = timedelta(days=1)  # with a longer pace, a catch-up would take months: most likely a mistake
DEFAULT_CATCH_UP_PACE = timedelta(seconds=1)  # prevents a burst of calls to the job's target after an outage
MAX_FAILURES_IN_A_ROW = 100  # each failed run of the job makes a beat read up to this many of its runs
MAX_JITTER = timedelta(days=1)  # to spread starts further, change the schedule
# Without characters that a URL would have to escape: a flag's name is part of its URL.
FLAG_NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]*"
MAX_FLAG_NAME_LENGTH = 100  # characters: the width of the column


def _at_most(name: str, longest: timedelta) -> AfterValidator:
    """Return a check that a duration is at most `longest`. `name`: the duration's name in the error."""

    def check(value: timedelta) -> timedelta:
        if value > longest:
            raise ValueError(f"{name} must be {duration_text(longest)} or less.")
        return value

    return AfterValidator(check)


Jitter = Annotated[Duration, _at_most("jitter", MAX_JITTER)]


class CatchUpPolicy(BaseModel):
    """What happens to missed occurrences.

    An occurrence is missed if a beat handles it too late, for example because no beat was running.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: CatchUp = Field(
        CatchUp.LAST,
        description="Which missed occurrences start. `skip`: no missed occurrence. `first`: only the earliest. `last`: "
        "only the latest, or none if a later occurrence is on time. `all`: every missed occurrence.",
    )
    max_age: Annotated[Duration, _at_most("max_age", MAX_CATCH_UP_AGE)] = Field(
        timedelta(hours=1), description="Missed occurrences that are older than this never start."
    )
    max_runs: Annotated[int, Field(ge=1, le=MAX_CATCH_UP_RUNS, strict=True)] = Field(
        1000,
        description="Maximum number of missed occurrences that start in mode `all`. If more were missed, only the "
        "latest ones start.",
    )
    pace: Annotated[Duration, _at_most("pace", MAX_CATCH_UP_PACE)] | None = Field(
        None, description="Minimum time between the planned starts of two missed occurrences. Null: 1s."
    )

    @property
    def between_starts(self) -> timedelta:
        """The pace; the default pace if `pace` is None."""
        return DEFAULT_CATCH_UP_PACE if self.pace is None else self.pace


class JobPolicies(RunPolicies):
    """The policies of a job: when and how its runs start, and what happens after a failure."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    catch_up: CatchUpPolicy = Field(CatchUpPolicy(), description="What happens to missed occurrences.")
    jitter: Jitter = Field(
        timedelta(0),
        description="Maximum delay of a scheduled run after its nominal instant. The delay ends before the next "
        "instant. Each run's delay is computed from the job's id, the schedule and the instant, so a preview shows the "
        "same delay.",
    )
    pause_after_failures: Annotated[int, Field(ge=1, le=MAX_FAILURES_IN_A_ROW, strict=True)] | None = Field(
        None, description="The job is paused after this many failed runs in a row. Null: never."
    )

    feature_flag: (
        Annotated[str, Field(pattern=rf"^(?:{FLAG_NAME_PATTERN})$", max_length=MAX_FLAG_NAME_LENGTH)] | None
    ) = Field(
        None,
        description="Name of a feature flag. While the flag is off, the job starts only by hand or by backfill. "
        "A start by the schedule or after another job is skipped with the reason `feature_off`. Null: no flag.",
    )

    @property
    def needs_followups(self) -> bool:
        """Whether the end of a run may require work from a beat: to start a buffered run, or to pause the job.

        Ignores the concurrency limit: the end of a run with a concurrency limit always creates a follow-up.
        """
        waits = self.overlap in (Overlap.BUFFER_ONE, Overlap.BUFFER_ALL, Overlap.CANCEL_OTHER)
        return waits or self.pause_after_failures is not None

    @property
    def overlap_after_pause(self) -> Overlap:
        """The overlap policy for occurrences that start when a pause ends.

        `allow` if the job's own policy is `allow`; otherwise `buffer_all`.
        """
        return Overlap.ALLOW if self.overlap is Overlap.ALLOW else Overlap.BUFFER_ALL

    @model_validator(mode="after")
    def _no_retries_at_most_once(self) -> Self:
        if self.delivery is Delivery.AT_MOST_ONCE and self.retry.max_retries:
            if "retry" in self.model_fields_set and "max_retries" in self.retry.model_fields_set:
                raise ValueError("With delivery at_most_once a run is never retried: set retry.max_retries to 0.")
            # Only the default is replaced. The model is frozen, so an assignment would be refused.
            object.__setattr__(self, "retry", self.retry.model_copy(update={"max_retries": 0}))
        return self


def find_conflicts(policies: JobPolicies, *, has_schedule: bool) -> dict[str, str]:
    """Return an error sentence, by dotted field, for each policy that contradicts another policy or has no effect.

    A policy at its default causes no error, because clients that read a job send all its policies back.
    """
    changed = [
        name for name in CatchUpPolicy.model_fields if getattr(policies.catch_up, name) != getattr(_DEFAULT, name)
    ]
    found = {}
    if not has_schedule:
        unused = [f"catch_up.{name}" for name in changed] + (["jitter"] if policies.jitter else [])
        why = "has no effect on a job without a schedule: set it back to its default, or give the job a schedule."
        found = {dotted: f"{dotted.rpartition('.')[2]} {why}" for dotted in unused}
    elif policies.catch_up.mode is CatchUp.SKIP:
        why = "has no effect in mode skip, which starts no missed occurrence: set it back to its default."
        found = {f"catch_up.{name}": f"{name} {why}" for name in changed if name in ("max_runs", "pace")}
    rate = policies.rate_limit
    if rate and rate.burst > rate.limit:
        found["rate_limit.burst"] = (
            f"burst must be at most the limit of {rate.limit:,} per period, not {rate.burst:,}: lower the "
            "burst, or raise the limit."
        )
    return found


_DEFAULT = CatchUpPolicy()
