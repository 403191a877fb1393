"""Lists of runs, the newest first: in which order an index has what is wanted, and the bounds of nominal instants."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from executions.states import Origin
from values.ids import highest_id, lowest_id

if TYPE_CHECKING:
    from collections.abc import Sequence

BY_ID = ("-id",)
BY_INSTANT = ("-nominal_at", "-id")  # the same order, told by another column
INDEXED_ORIGINS = frozenset(Origin) - {Origin.SCHEDULE}  # the index of origins leaves that one out


def newest_first(*, origin: str | None, narrowed: bool) -> tuple[str, ...]:
    """Return the order for a list of one origin (None: of all); `narrowed` to a job, statuses or a reason.

    What narrows a list has indexes by the instant, so that no other index has the order: a walk by the ids, which
    looks shorter where a day has much of what is wanted, may find it at the day's far end.
    """
    return BY_INSTANT if narrowed or origin in INDEXED_ORIGINS else BY_ID


def nominal_within(start: datetime | None, end: datetime | None, order: Sequence[str]) -> Q:
    """Nominal instants from `start` to before `end`, for a list in this order.

    Ids say in which days that is, for the partitions. More exact bounds of them are for a walk by the ids alone: where
    another index is to be used, they would have the planner think that very few rows are left.
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
