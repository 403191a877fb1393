"""Resume policies: which of the occurrences that fell due during a pause start when the pause ends. Pure."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    # Returns the occurrences of one job in (after, until], in ascending order.
    FindOccurrences = Callable[[datetime, datetime], Iterator[datetime]]

DEFAULT_MAX_STARTS = 100  # few enough that a resume by mistake does not flood the queue
MAX_STARTS = 1000  # equals `executions.policies.overlap.MAX_BUFFERED_RUNS`: more could not wait for each other
MAX_COUNTED = 100_000  # a preview counts no further, so that a long pause of a fast job costs bounded time
MIN_SEARCH_WINDOW = timedelta(minutes=1)  # `last_occurrences` looks this far back first


class Resumption(StrEnum):
    """Which occurrences of a pause start when it ends. The others are recorded as skipped, reason `paused`."""

    NONE = "none"  # no occurrence
    FIRST = "first"  # the earliest occurrence
    LAST = "last"  # the latest occurrence
    ALL = "all"  # every occurrence, up to a limit; beyond it, the latest ones


def starting_range(
    find: FindOccurrences, after: datetime, until: datetime, mode: Resumption, max_starts: int
) -> tuple[datetime, datetime] | None:
    """Return the first and the last occurrence in (after, until] that start, or None if none starts.

    Every occurrence between the two starts as well. `max_starts` limits the mode `all`.
    """
    match mode:
        case Resumption.NONE:
            return None
        case Resumption.FIRST:
            found = list(islice(find(after, until), 1))
        case Resumption.LAST:
            found = last_occurrences(find, after, until, 1)
        case Resumption.ALL:
            found = last_occurrences(find, after, until, max_starts)
        case _:
            assert_never(mode)
    return (found[0], found[-1]) if found else None


def last_occurrences(find: FindOccurrences, after: datetime, until: datetime, n: int) -> list[datetime]:
    """Return the last `n` occurrences in (after, until], oldest first; fewer if there are fewer."""
    # Occurrences can only be computed forwards. A window that grows backwards from `until` computes a few times `n`
    # occurrences, not every occurrence of a year-long pause.
    window = MIN_SEARCH_WINDOW
    while after < until:
        low = after if until - after <= window else until - window
        found = deque(find(low, until), maxlen=n)
        if len(found) == n or low == after:
            return list(found)
        window *= 4
    return []


def count_occurrences(find: FindOccurrences, after: datetime, until: datetime, limit: int = MAX_COUNTED) -> int:
    """Return the number of occurrences in (after, until], or `limit` + 1 if there are more than `limit`."""
    return sum(1 for _ in islice(find(after, until), limit + 1))
