"""Lists of runs, newest first: the ORDER BY that an index serves, and conditions on the nominal instant."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from executions.states import Origin
from values.ids import highest_id, lowest_id

if TYPE_CHECKING:
    from collections.abc import Sequence

BY_ID = ("-id",)
BY_INSTANT = ("-nominal_at", "-id")  # the same order, as ids begin with the nominal instant; other indexes serve it
INDEXED_ORIGINS = frozenset(Origin) - {Origin.SCHEDULE}  # the origins in the partial index run_origin


def newest_first(*, origin: str | None, narrowed: bool) -> tuple[str, ...]:
    """Return the ORDER BY for a list of runs. `origin`: the list's filter by origin, or None.

    `narrowed`: the list is filtered by job, status or reason. Filtered lists are ordered by the nominal instant, like
    their indexes. With an order by id, the planner could scan the primary key instead, and read a whole day of runs
    before it finds a match. No index serves the origin `schedule`, so a list filtered only by this origin is ordered by
    id.
    """
    return BY_INSTANT if narrowed or origin in INDEXED_ORIGINS else BY_ID


def nominal_within(start: datetime | None, end: datetime | None, order: Sequence[str]) -> Q:
    """Return the condition `start <= nominal instant < end` (None: unbounded). `order`: the order of the list.

    The condition bounds the ids too, so that PostgreSQL skips the partitions of other days. For a list ordered by id,
    the bounds of the ids are exact. For other lists, the ids are bounded by whole days: the planner would treat exact
    bounds of the ids and of the instants as independent, and expect far too few rows.
    """
    exact = tuple(order) == BY_ID
    bounds: dict[str, Any] = {}
    if start:
        bounds |= {"nominal_at__gte": start, "id__gte": lowest_id(start if exact else _day(start, time.min))}
    if end:
        bounds |= {"nominal_at__lt": end, "id__lte": highest_id(end if exact else _day(end, time.max))}
    return Q(**bounds)


def _day(at: datetime, time_of_day: time) -> datetime:
    return datetime.combine(at.astimezone(UTC), time_of_day, UTC)
