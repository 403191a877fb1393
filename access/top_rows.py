"""Reads the first rows of an ordered list that is filtered by several values of one column (a top-N query)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Model

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.db.models import QuerySet

Row = TypeVar("Row", bound=Model)


def top_rows(rows: QuerySet[Row], n: int, column: str, values: Collection[str] | None) -> QuerySet[Row]:
    """Filter an ordered queryset to the rows whose `column` is one of `values`, and return the first `n` of these rows.

    If `values` is None, no row is filtered out. If there are several values, this function immediately runs a query for
    the primary keys of the rows.
    """
    if values is None:
        return rows[:n]
    if len(set(values)) == 1:
        return rows.filter(**{column: next(iter(values))})[:n]
    return rows.filter(pk__in=slice_keys(rows, 0, n, column, values))


def slice_keys(
    rows: QuerySet[Any], start: int, stop: int, column: str = "", values: Collection[str] | None = None
) -> list[Any]:
    """Return the primary keys of the rows `[start:stop]`, filtered as in `top_rows`.

    An index on (column, order) sorts the rows of each value, but not the rows of several values together. Therefore
    `slice_keys` reads the first `stop` rows of each value from the index, and merges them. The caller passes the keys
    to its query as constants. With a join instead, the planner would expect to read every partition.
    """
    if values is None:
        return list(rows.values_list("pk", flat=True)[start:stop])
    order = [str(name) for name in rows.query.order_by]
    columns = ["pk", *(name.removeprefix("-") for name in order if name.removeprefix("-") not in ("pk", "id"))]
    parts = [rows.filter(**{column: value}).values_list(*columns)[:stop] for value in sorted(set(values))]
    merged = parts[0].union(*parts[1:], all=True).order_by(*order) if len(parts) > 1 else parts[0]
    return [key for key, *_ in merged[start:stop]]
