"""Proves the order of lists of runs, and that a span of nominal instants also bounds the ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from executions.models import BY_INSTANT, Run, newest_first, nominal_within
from executions.models.newest import BY_ID
from executions.states import Origin
from tests.factories import NOW, make_job, make_run
from values.ids import highest_id, lowest_id

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("origin", "narrowed", "order"),
    [
        (None, False, BY_ID),
        (None, True, BY_INSTANT),
        ("schedule", False, BY_ID),
        ("schedule", True, BY_INSTANT),
        *[(origin.value, False, BY_INSTANT) for origin in Origin if origin is not Origin.SCHEDULE],
        ("unknown", False, BY_ID),
        ("", False, BY_ID),
    ],
)
def test_a_list_with_an_index_of_its_own_is_ordered_by_the_instant(
    origin: str | None, narrowed: bool, order: tuple[str, ...]
) -> None:
    assert newest_first(origin=origin, narrowed=narrowed) == order


def conditions(start: datetime | None, end: datetime | None, order: tuple[str, ...]) -> dict[str, Any]:
    return dict(nominal_within(start, end, order).children)  # type: ignore[arg-type]  # no nested Q


def test_without_bounds_there_is_no_condition() -> None:
    assert conditions(None, None, BY_ID) == conditions(None, None, BY_INSTANT) == {}


def test_a_list_by_id_has_exact_bounds_of_its_ids() -> None:
    assert conditions(NOW, NOW + HOUR, BY_ID) == {
        "nominal_at__gte": NOW,
        "id__gte": lowest_id(NOW),
        "nominal_at__lt": NOW + HOUR,
        "id__lte": highest_id(NOW + HOUR),
    }


def test_any_other_list_has_whole_days_of_ids() -> None:
    found = conditions(NOW, NOW + HOUR, BY_INSTANT)

    assert found["id__gte"] == lowest_id(datetime(2026, 11, 20, tzinfo=UTC))
    assert found["id__lte"] == highest_id(datetime(2026, 11, 20, 23, 59, 59, 999_999, tzinfo=UTC))
    assert (found["nominal_at__gte"], found["nominal_at__lt"]) == (NOW, NOW + HOUR)


def test_the_days_are_those_of_utc() -> None:
    late = datetime(2026, 11, 21, 1, 0, tzinfo=timezone(timedelta(hours=5)))  # still 20 November in UTC

    assert conditions(late, None, BY_INSTANT)["id__gte"] == lowest_id(datetime(2026, 11, 20, tzinfo=UTC))


@pytest.mark.django_db
@pytest.mark.parametrize("order", [BY_ID, BY_INSTANT], ids=["by id", "by instant"])
def test_a_span_includes_its_start_and_excludes_its_end(order: tuple[str, ...]) -> None:
    job = make_job(schedule={"cron": "0 0 1 1 *"})
    for hours in range(4):
        make_run(job, NOW + hours * HOUR)

    rows = Run.objects.filter(nominal_within(NOW + HOUR, NOW + 3 * HOUR, order)).order_by(*order)

    assert [row.nominal_at for row in rows] == [NOW + 2 * HOUR, NOW + HOUR]
