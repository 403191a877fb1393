"""When the run of an occurrence may start, where that is not at once: jitter, and the pace of a catch-up. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

from schedules.clock.occurrences import next_after
from schedules.clock.spec import Kind, ScheduleSpec
from schedules.clock.zones.zones import LAST_AT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Pacing:
    """How far apart the starts of occurrences older than `grace` are, and that of the last one before these."""

    grace: timedelta
    pace: timedelta
    last_at: datetime | None


def jittered(spec: ScheduleSpec, job_id: UUID, at: datetime, jitter: timedelta) -> datetime:
    """When an occurrence of a job may start: always the same for the two, and before `latest_start`."""
    return hashed_start(job_id, at, latest_start(spec, at, jitter))


def hashed_start(job_id: UUID, at: datetime, latest: datetime) -> datetime:
    """The same, where `latest_start` is known."""
    number = (at - _EPOCH) // _MICROSECOND
    digest = blake2b(job_id.bytes + number.to_bytes(8, "big", signed=True), digest_size=8).digest()
    return at + timedelta(microseconds=(int.from_bytes(digest) * ((latest - at) // _MICROSECOND)) >> 64)


def latest_start(spec: ScheduleSpec, at: datetime, jitter: timedelta) -> datetime:
    """The instant before which an occurrence may start: its jitter later, but not after the next occurrence."""
    return latest_starts(spec, [at], jitter)[0]


def latest_starts(spec: ScheduleSpec, ats: Sequence[datetime], jitter: timedelta) -> list[datetime]:
    """`latest_start` of occurrences that follow each other: but for the last one, none is asked for its next."""
    if not ats or not jitter or spec.kind is Kind.DELAY:
        return [at + jitter for at in ats]
    followings = [*ats[1:], next_after(spec, ats[-1])]
    return [min(at + jitter, following or LAST_AT) for at, following in zip(ats, followings, strict=True)]


def delayed_starts(
    starts: Iterable[tuple[datetime, datetime]], now: datetime, pacing: Pacing
) -> dict[datetime, datetime]:
    """When each occurrence may start that does not start at once, from pairs of its instant and its jittered start.

    Those that are caught up with come one pace after the other, the first at once: also when an earlier pass has begun.
    """
    slot = now if pacing.last_at is None else max(now, pacing.last_at + pacing.pace)
    result: dict[datetime, datetime] = {}
    for at, start_at in starts:
        if at < now - pacing.grace:
            result[at] = max(start_at, slot)
            slot = result[at] + pacing.pace
        elif start_at > now:
            result[at] = start_at
    return result
