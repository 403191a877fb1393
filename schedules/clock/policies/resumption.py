"""Resume policies: they decide which occurrences during a pause are started when the pause ends. Pure."""

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

DEFAULT_MAX_STARTS = 100  # low, so that resuming a job by mistake does not flood the queue
MAX_STARTS = 1000  # equals `executions.policies.overlap.MAX_BUFFERED_RUNS`: a job cannot hold more runs
MAX_COUNTED = 100_000  # a preview stops counting here, so that it is fast for a long pause of a frequent job
MIN_SEARCH_WINDOW = timedelta(minutes=1)  # the first window that `last_occurrences` searches


class Resumption(StrEnum):
    """The occurrences that start when a pause ends.

    All other occurrences during the pause are skipped with the reason `paused`.
    """

    NONE = "none"  # no occurrence
    FIRST = "first"  # the earliest occurrence
    LAST = "last"  # the latest occurrence
    ALL = "all"  # every occurrence; if there are more than the limit, the latest ones


def starting_range(
    find: FindOccurrences, after: datetime, until: datetime, mode: Resumption, max_starts: int
) -> tuple[datetime, datetime] | None:
    """Return the first and the last of the occurrences in (after, until] that `mode` selects; None if there are none.

    The mode `all` selects the latest `max_starts` occurrences.
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
    # Occurrences can only be computed forwards. Search a window before `until`, and enlarge the window until it has `n`
    # occurrences: this is faster than computing every occurrence of a year-long pause.
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
