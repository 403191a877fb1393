"""What starts, when a pause ends, of the occurrences that fell into it. Pure."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    # The instants that a job's schedule names in (after, until], in order.
    Named = Callable[[datetime, datetime], Iterator[datetime]]

MOST_BY_DEFAULT = 100
MOST = 1000  # as many as may wait for each other: `executions.policies.overlap.MAX_BUFFERED_RUNS`
MOST_COUNTED = 100_000
NARROWEST = timedelta(minutes=1)


class Resumption(StrEnum):
    NONE = "none"  # all are recorded as paused
    FIRST = "first"  # the first of them starts
    LAST = "last"  # the last of them starts
    ALL = "all"  # each of them starts; of more than so many, the latest


def chosen(
    named: Named, after: datetime, until: datetime, mode: Resumption, most: int
) -> tuple[datetime, datetime] | None:
    """The first and the last of those in (after, until] that start, as do all between; None: none does."""
    match mode:
        case Resumption.NONE:
            return None
        case Resumption.FIRST:
            found = list(islice(named(after, until), 1))
        case Resumption.LAST:
            found = latest(named, after, until, 1)
        case Resumption.ALL:
            found = latest(named, after, until, most)
    return (found[0], found[-1]) if found else None


def latest(named: Named, after: datetime, until: datetime, n: int) -> list[datetime]:
    """The last `n` occurrences in (after, until], oldest first, at the cost of a few times as many as they are."""
    width = NARROWEST
    while after < until:
        low = after if until - after <= width else until - width
        found = deque(named(low, until), maxlen=n)
        if len(found) == n or low == after:
            return list(found)
        width *= 4
    return []


def count(named: Named, after: datetime, until: datetime, most: int = MOST_COUNTED) -> int:
    """How many occurrences lie in (after, until]; `most + 1` when there are more than `most`."""
    return sum(1 for _ in islice(named(after, until), most + 1))
