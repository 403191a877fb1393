"""The first rows of an ordered list of which several values of a column are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Model

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.db.models import QuerySet

Row = TypeVar("Row", bound=Model)


def first_rows(rows: QuerySet[Row], n: int, column: str, values: Collection[str] | None) -> QuerySet[Row]:
    """Return the first `n` of `rows`, which are ordered, with one of `values` in the column; None: with any.

    For several values there is a query before, for the keys.
    """
    if values is None:
        return rows[:n]
    if len(set(values)) == 1:
        return rows.filter(**{column: next(iter(values))})[:n]
    return rows.filter(pk__in=first_keys(rows, 0, n, column, values))


def first_keys(
    rows: QuerySet[Any], start: int, stop: int, column: str = "", values: Collection[str] | None = None
) -> list[Any]:
    """Return the primary keys of those from `start` to before `stop`, as in `first_rows`.

    An index on the column and the order has the rows of each value in order, but not those of several together. So the
    first of each value are taken, and of these the first: 2 n rows are read where a search could read the table.
    The keys are given to the query for the rows as constants: of a join, the planner thinks that it reads all days.
    """
    if values is None:
        return list(rows.values_list("pk", flat=True)[start:stop])
    order = [str(name) for name in rows.query.order_by]
    columns = ["pk", *(name.removeprefix("-") for name in order if name.removeprefix("-") not in ("pk", "id"))]
    parts = [rows.filter(**{column: value}).values_list(*columns)[:stop] for value in sorted(set(values))]
    together = parts[0].union(*parts[1:], all=True).order_by(*order) if len(parts) > 1 else parts[0]
    return [key for key, *_ in together[start:stop]]
