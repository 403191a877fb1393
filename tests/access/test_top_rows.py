"""Proves that the first rows with one of several values are those of the whole list, in its order."""

from __future__ import annotations

from itertools import islice, product
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from access.models import Scope
from access.top_rows import slice_keys, top_rows

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.db.models import QuerySet

pytestmark = pytest.mark.django_db

TENANTS = ("a", "b", "c")
VALUES = [None, ["a"], ["c", "a"], ["b", "b"], ["a", "b", "c"], ["a", "x"], ["x", "y"]]


@pytest.fixture(autouse=True)
def scopes() -> None:
    """Nine scopes whose names alternate between the tenants: a1, b1, c1, a2, ..."""
    Scope.objects.bulk_create(
        Scope(kind="organization", tenant=tenant, organization=f"{number}{tenant}")
        for number, tenant in product((3, 1, 2), TENANTS)
    )


def ordered(*order: str) -> QuerySet[Scope]:
    return Scope.objects.filter(kind="organization").order_by(*order)


def expected(rows: QuerySet[Scope], values: Collection[str] | None, start: int, stop: int) -> list[int]:
    """Return the same slice, by plain Python."""
    return [row.pk for row in islice((r for r in rows if values is None or r.tenant in values), start, stop)]


@pytest.mark.parametrize("order", [("organization",), ("-id",), ("tenant", "-organization")], ids=str)
@pytest.mark.parametrize("values", VALUES, ids=str)
def test_the_top_rows_are_the_first_of_the_filtered_list(order: tuple[str, ...], values: list[str] | None) -> None:
    rows = ordered(*order)

    assert [row.pk for row in top_rows(rows, 4, "tenant", values)] == expected(rows, values, 0, 4)


@pytest.mark.parametrize(("start", "stop"), [(0, 2), (2, 4), (5, 20), (20, 30)], ids=str)
@pytest.mark.parametrize("values", VALUES, ids=str)
def test_a_slice_of_keys_is_that_of_the_filtered_list(start: int, stop: int, values: list[str] | None) -> None:
    rows = ordered("-organization")

    assert slice_keys(rows, start, stop, "tenant", values) == expected(rows, values, start, stop)


def test_the_keys_of_several_values_are_read_by_one_query_with_a_limit_for_each() -> None:
    with CaptureQueriesContext(connection) as captured:
        slice_keys(ordered("organization"), 1, 3, "tenant", {"a", "b"})

    (query,) = captured.captured_queries
    assert query["sql"].count("LIMIT 3") == 2
    assert "UNION ALL" in query["sql"]


def test_one_value_needs_no_query_for_the_keys() -> None:
    with CaptureQueriesContext(connection) as captured:
        list(top_rows(ordered("organization"), 2, "tenant", ["a"]))

    assert len(captured) == 1
