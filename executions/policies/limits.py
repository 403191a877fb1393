"""Limits that runs share: how many at once, how many in a while, and who comes first. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from values.duration_field import Duration

MAX_LIMIT_KEY_LENGTH = 200
STORED_LIMIT_KEY_LENGTH = MAX_LIMIT_KEY_LENGTH + 4  # as it is stored: with what tells people's keys from jobs' ids
TERMS_LENGTH = 16
MAX_RATE_PERIOD = timedelta(days=31)


class Priority(StrEnum):
    """Which of the runs that wait comes first, across jobs."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """From 0 for low to 3 for critical."""
        return RANKS[self]

    @classmethod
    def of(cls, rank: int) -> Priority:
        """Return the priority of this rank."""
        return list(cls)[rank]


RANKS = {priority: rank for rank, priority in enumerate(Priority)}


class LimitAction(StrEnum):
    """What becomes of a run that a limit does not let start."""

    WAIT = "wait"  # it is held until it may
    SKIP = "skip"  # it does not start


def _key(value: str) -> str:
    if not value.isprintable() or value != value.strip() or not value:
        raise ValueError("A key is printable text without blanks around it.")
    return value


def _period(value: timedelta) -> timedelta:
    if not timedelta(seconds=1) <= value <= MAX_RATE_PERIOD:
        raise ValueError("A rate limit's period lies between 1s and 31d.")
    return value


Key = Annotated[str, Field(max_length=MAX_LIMIT_KEY_LENGTH), AfterValidator(_key)]


class ConcurrencyLimit(BaseModel):
    """How many runs may go on at once; one that waits for a retry goes on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=100_000, strict=True)] = Field(description="Runs that go on at once.")
    key: Key | None = Field(
        None, description="Jobs with the same key share the limit, each keeping to its own. Null: this job alone."
    )
    beyond: LimitAction = Field(
        LimitAction.WAIT, description="wait: held until another is over. skip: reason `over_limit`."
    )


class RateLimit(BaseModel):
    """How many runs may start in a while, spaced evenly."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = Field(description="Starts in each period.")
    per: Annotated[Duration, AfterValidator(_period)] = Field(
        timedelta(minutes=1), description="The period, such as `1m`."
    )
    burst: Annotated[int, Field(ge=1, le=10_000, strict=True)] = Field(
        1, description="How many may start at once after a pause. 1: evenly spaced."
    )
    key: Key | None = Field(
        None, description="Jobs with the same key share the rate, each keeping to its own. Null: this job alone."
    )
    beyond: LimitAction = Field(LimitAction.WAIT, description="wait: held until it may. skip: reason `rate_limited`.")

    @property
    def spacing(self) -> timedelta:
        return self.per / self.limit


@lru_cache(maxsize=8192)
def terms(concurrency: tuple[str, ConcurrencyLimit] | None, rate: tuple[str, RateLimit] | None) -> str:
    """Return a short name of these limits and the keys under which they count; runs with the same one wait for the same."""
    named = [(key, limit.model_dump_json()) for key, limit in filter(None, (concurrency, rate))]
    return blake2b(repr(named).encode(), digest_size=TERMS_LENGTH // 2).hexdigest() if named else ""


def admit_at(rate: RateLimit, arrives_at: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """Return when the next run may start, and the new theoretical arrival time should it start then.

    `arrives_at` is the theoretical arrival time that the key has, None for a new one: the generic cell rate algorithm
    (ITU-T I.371, annex A) with a tolerance of `burst - 1` spacings.
    """
    arrives_at = max(arrives_at or now, now)
    may_at = max(now, arrives_at - (rate.burst - 1) * rate.spacing)
    return may_at, arrives_at + rate.spacing
