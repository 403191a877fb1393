"""The first rows of an ordered list of which several values of a column are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.db.models import Model

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.db.models import QuerySet

Row = TypeVar("Row", bound=Model)


def first_rows(rows: QuerySet[Row], n: int, column: str, values: Collection[str] | None) -> QuerySet[Row]:
    """Return the first `n` of `rows`, which are ordered, with one of `values` in the column; None: with any.

    An index on the column and the order has the rows of each value in order, but not those of several together. So the
    first of each value are taken, and of these the first: 2 n rows are read where a search could read the table.
    """
    if values is None:
        return rows[:n]
    first, *others = (rows.filter(**{column: value}) for value in sorted(set(values)))
    if not others:
        return first[:n]
    parts = [part.values("pk")[:n] for part in (first, *others)]
    return rows.filter(pk__in=parts[0].union(*parts[1:], all=True))[:n]
