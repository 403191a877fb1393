"""Delayed starts of runs: jitter, and the pace of a catch-up. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

from schedules.clock.occurrences import next_after
from schedules.clock.spec import Kind, ScheduleSpec
from schedules.clock.zones.zones import LAST_AT
from values.durations import MICROSECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Pacing:
    """How a catch-up spreads its starts.

    Occurrences older than `grace` start at least `pace` apart. `last_at` is the latest start that an earlier pass has
    assigned to such an occurrence, or None.
    """

    grace: timedelta
    pace: timedelta
    last_at: datetime | None


def jittered(spec: ScheduleSpec, job_id: UUID, at: datetime, jitter: timedelta) -> datetime:
    """Return the start, with jitter, of a job's occurrence at `at`: an instant in [`at`, `latest_start`).

    Without jitter the start is `at`. The start depends only on the arguments, so every beat and every preview
    computes the same start.
    """
    return hashed_start(job_id, at, latest_start(spec, at, jitter))


def hashed_start(job_id: UUID, at: datetime, latest: datetime) -> datetime:
    """Return the start with jitter: an instant in [`at`, `latest`), or `at` if both are equal.

    `latest` is the result of `latest_start`.
    """
    microseconds = (at - _EPOCH) // MICROSECOND
    digest = blake2b(job_id.bytes + microseconds.to_bytes(8, "big", signed=True), digest_size=8).digest()
    # digest / 2**64 is a fraction in [0, 1). Integer arithmetic keeps it exact: a float has only 53 bits.
    return at + timedelta(microseconds=(int.from_bytes(digest) * ((latest - at) // MICROSECOND)) >> 64)


def latest_start(spec: ScheduleSpec, at: datetime, jitter: timedelta) -> datetime:
    """Return the limit for the start of an occurrence: `at` + `jitter` or the next occurrence, whichever is earlier.

    With a jitter, the start is earlier than this limit, so runs are planned in the order of their occurrences.
    For a `delay` schedule, the limit is always `at` + `jitter`.
    """
    return latest_starts(spec, [at], jitter)[0]


def latest_starts(spec: ScheduleSpec, ats: Sequence[datetime], jitter: timedelta) -> list[datetime]:
    """Return `latest_start` for each of `ats`, which must be consecutive occurrences of `spec`."""
    # The next occurrence of a delay depends on the end of this run, so it is no limit.
    if not ats or not jitter or spec.kind is Kind.DELAY:
        return [at + jitter for at in ats]
    # The next occurrence of each of `ats`, except the last, is the following element: one search is enough.
    followings = [*ats[1:], next_after(spec, ats[-1])]
    return [min(at + jitter, following or LAST_AT) for at, following in zip(ats, followings, strict=True)]


def delayed_starts(
    starts: Iterable[tuple[datetime, datetime]], now: datetime, pacing: Pacing
) -> dict[datetime, datetime]:
    """Return the start of each missed occurrence, and of each other occurrence whose start is later than `now`.

    `starts` holds pairs of an occurrence and its start with jitter, in ascending order. A missed occurrence starts at
    `now`, at its start with jitter, or one pace after the start of the previous missed occurrence, whichever is latest.
    For the first missed occurrence, the previous start is `pacing.last_at`.
    """
    # `last_at` keeps the pace across the passes of one catch-up, and across two outages in a row.
    slot = now if pacing.last_at is None else max(now, pacing.last_at + pacing.pace)
    result: dict[datetime, datetime] = {}
    for at, start_at in starts:
        if at < now - pacing.grace:
            result[at] = max(start_at, slot)
            slot = result[at] + pacing.pace
        elif start_at > now:
            result[at] = start_at
    return result
