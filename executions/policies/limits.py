"""Pure: concurrency limits, rate limits and priorities."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from values.duration_field import Duration

MAX_LIMIT_KEY_LENGTH = 200  # characters
STORED_LIMIT_KEY_LENGTH = MAX_LIMIT_KEY_LENGTH + 4  # with the prefix "key:", or "job:" for a limit without a key
TERMS_LENGTH = 16  # hexadecimal digits: 64 bits of a hash
MAX_RATE_PERIOD = timedelta(days=31)  # retention deletes states of rate limits that are older than this


class Priority(StrEnum):
    """The priority of a run. Held and queued runs with a higher priority start first, across all jobs."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """The priority as a number, from 0 for low to 3 for critical."""
        return RANKS[self]

    @classmethod
    def of(cls, rank: int) -> Priority:
        """Return the priority with this rank. Raises IndexError for a rank above 3."""
        return list(cls)[rank]


RANKS = {priority: rank for rank, priority in enumerate(Priority)}


class LimitAction(StrEnum):
    """What happens to a run if a limit does not allow its start."""

    WAIT = "wait"  # the run is held until the limit allows its start
    SKIP = "skip"  # the run is skipped


def _key(value: str) -> str:
    if not value.isprintable() or value != value.strip() or not value:
        raise ValueError("A key must be printable text, not empty, without leading or trailing spaces.")
    return value


def _period(value: timedelta) -> timedelta:
    if not timedelta(seconds=1) <= value <= MAX_RATE_PERIOD:
        raise ValueError("A rate limit's period must be between 1s and 31d.")
    return value


Key = Annotated[str, Field(max_length=MAX_LIMIT_KEY_LENGTH), AfterValidator(_key)]


class ConcurrencyLimit(BaseModel):
    """A limit on the number of runs that are active at the same time: queued, running or retrying."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # 100,000 active runs are far more than any number of workers executes: a larger limit is most likely a mistake.
    limit: Annotated[int, Field(ge=1, le=100_000, strict=True)] = Field(description="Maximum number of active runs.")
    key: Key | None = Field(
        None,
        description="The active runs of all jobs with this key are counted together. Each of these jobs may set a "
        "different limit. Null: only the runs of this job are counted.",
    )
    beyond: LimitAction = Field(
        LimitAction.WAIT,
        description="What happens to a run beyond the limit. `wait`: it is held until there are fewer active runs. "
        "`skip`: it is skipped with the reason `over_limit`.",
    )


class RateLimit(BaseModel):
    """A limit on the number of runs that start per period.

    Except in a burst, starts are at least `per` / `limit` apart.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Instants have microseconds: a million starts in the shortest period (1s) are one per microsecond.
    limit: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = Field(
        description="Maximum number of starts per period. A burst can add at most `burst` - 1 starts."
    )
    per: Annotated[Duration, AfterValidator(_period)] = Field(
        timedelta(minutes=1), description="The period, such as `1m`."
    )
    # A burst of more than 10,000 runs is hardly a limit: most likely a mistake.
    burst: Annotated[int, Field(ge=1, le=10_000, strict=True)] = Field(
        1,
        description="Maximum number of runs that start together after a time without starts. 1: any two starts "
        "are at least `per` / `limit` apart.",
    )
    key: Key | None = Field(
        None,
        description="The starts of all jobs with this key are counted together. Each of these jobs may set a different "
        "rate. Null: only the starts of this job are counted.",
    )
    beyond: LimitAction = Field(
        LimitAction.WAIT,
        description="What happens to a run beyond the limit. `wait`: it is held until it may start. "
        "`skip`: it is skipped with the reason `rate_limited`.",
    )

    @property
    def spacing(self) -> timedelta:
        """The minimum time between two starts outside a burst."""
        return self.per / self.limit


@lru_cache(maxsize=8192)
def terms(concurrency: tuple[str, ConcurrencyLimit] | None, rate: tuple[str, RateLimit] | None) -> str:
    """Return a hash of these limits and their keys, or "" without limits. Runs with the same hash have the same limits.

    Each argument is a pair of the stored key and the limit.
    """
    named = [(key, limit.model_dump_json()) for key, limit in filter(None, (concurrency, rate))]
    return blake2b(repr(named).encode(), digest_size=TERMS_LENGTH // 2).hexdigest() if named else ""


def admit_at(rate: RateLimit, arrives_at: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """Return when the next run may start, and the key's new theoretical arrival time if the run starts then.

    `arrives_at`: the key's present theoretical arrival time, None for a new key. The algorithm is the generic cell rate
    algorithm (ITU-T I.371, annex A) with a tolerance of `burst - 1` spacings.
    """
    arrives_at = max(arrives_at or now, now)
    may_at = max(now, arrives_at - (rate.burst - 1) * rate.spacing)
    return may_at, arrives_at + rate.spacing
