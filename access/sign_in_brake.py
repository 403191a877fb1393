"""Delays attempts to sign in after failures, by user name and by network, for all web processes together.

An attempt counts as a failure until it has succeeded, so that many attempts at once cannot get past the limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction

from access import queries
from access.models import MAX_USER_NAME_LENGTH
from values.database import execute, fetch

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

FORGOTTEN_AFTER = timedelta(days=1)  # without another failure, failures no longer count
# A user who has signed in from a network this recently is delayed only by failures of the same name and network.
KNOWN_FOR = timedelta(days=90)
MAX_DELETED = 100  # rows for each failure: more than a failure creates
MAX_EXPONENT = 20  # 2**20 seconds is longer than every longest delay


@dataclass(frozen=True, slots=True)
class Limit:
    """After `n_free` failures the delay is one second; each further failure doubles it, up to `longest`."""

    n_free: int
    longest: timedelta

    def delay_after(self, n_failures: int) -> timedelta:
        if n_failures < self.n_free:
            return timedelta(0)
        return min(self.longest, timedelta(seconds=2 ** min(n_failures - self.n_free, MAX_EXPONENT)))


PAIR = Limit(n_free=5, longest=timedelta(minutes=15))
NETWORK = Limit(n_free=20, longest=timedelta(minutes=15))
USER = Limit(n_free=20, longest=timedelta(minutes=1))  # short: anybody can cause it for anybody


@dataclass(frozen=True, slots=True)
class Count:
    """The failures of a user name, of a network, or of a user name from a network: an empty text means any."""

    user_name: str
    network: str
    n_failures: int
    failed_at: datetime
    succeeded_at: datetime | None


def begin(user_name: str, network: str, now: datetime) -> timedelta:
    """Count an attempt. Return zero if it may be made, or else how long to wait: then it is not counted."""
    keys = _keys(user_name, network)
    # An attempt that must wait creates no rows: otherwise invented names could fill the table.
    if wait := _wait(fetch(queries.COUNTS, keys), now):
        return wait
    with transaction.atomic():
        wait = _wait(fetch(queries.LOCK_COUNTS, {**keys, "now": now}), now)
        if not wait:
            execute(queries.COUNT_ATTEMPT, {**keys, "now": now, "forgotten_at": now - FORGOTTEN_AFTER})
    return wait


def succeed(user_name: str, network: str, now: datetime) -> None:
    """Note that the attempt that began at `now` has succeeded.

    Earlier failures of the network stay, because other users may have caused them, and are forgotten as if there had
    been no attempt.
    """
    keys = _keys(user_name, network)
    with transaction.atomic():
        fetch(queries.LOCK_COUNTS, {**keys, "now": now})  # in the same order as other attempts
        execute(queries.CLEAR_FAILURES, {**keys, "network": network, "now": now})


def forget(now: datetime) -> None:
    """Delete some of the rows that no longer matter."""
    limits = {"forgotten_at": now - FORGOTTEN_AFTER, "known_from": now - KNOWN_FOR, "most": MAX_DELETED}
    execute(queries.DELETE_OLD_COUNTS, limits)


def _keys(user_name: str, network: str) -> dict[str, Any]:
    # The user's row first, then the network's, then that of both: all attempts lock in this order, and never deadlock.
    name = user_name.casefold()[:MAX_USER_NAME_LENGTH]
    keys = [key for key in dict.fromkeys([(name, ""), ("", network), (name, network)]) if any(key)]
    return {"user_names": [name for name, _ in keys], "networks": [place for _, place in keys]}


def _wait(rows: Iterable[tuple[Any, ...]], now: datetime) -> timedelta:
    counts = [Count(*row) for row in rows]
    known = [count for count in counts if count.user_name and count.network and _is_known(count, now)]
    return max((_remaining(count, now) for count in known or counts), default=timedelta(0))


def _is_known(count: Count, now: datetime) -> bool:
    return count.succeeded_at is not None and count.succeeded_at > now - KNOWN_FOR


def _remaining(count: Count, now: datetime) -> timedelta:
    if count.failed_at <= now - FORGOTTEN_AFTER:
        return timedelta(0)
    limit = USER if not count.network else PAIR if count.user_name else NETWORK
    delay = limit.delay_after(count.n_failures)
    # Not longer than the delay, also if the clock of another web process is ahead.
    return max(min(count.failed_at + delay - now, delay), timedelta(0))
