"""Pages of a list by cursor: stable while entries are added, and as quick for the last page as for the first."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import BooleanField, Func, Model, Value
from django.db.models.lookups import GreaterThan, LessThan, Lookup
from rest_framework.utils.urls import replace_query_param

from access.api.exceptions import InvalidInput
from access.top_rows import top_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from django.db.models import QuerySet
    from rest_framework.request import Request

    from access.api.parameters import PageParameters

Row = TypeVar("Row", bound=Model)
FORWARD, BACKWARD = "next", "previous"


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """The entries of one page, with the addresses of the pages around it."""

    rows: list[Row]
    next: str | None
    previous: str | None


def paginate(
    request: Request,
    rows: QuerySet[Row],
    parameters: PageParameters,
    order: Sequence[str] = ("-id",),
    any_of: tuple[str, Collection[str] | None] = ("", None),
) -> Page[Row]:
    """Cut the asked page out of `rows`, in one query.

    `order` names columns that together are unique, as in `order_by`, all in one direction; `any_of` a column and the
    values of which each entry has one. Raises InvalidInput for a cursor that this list did not give.
    """
    direction, position = _read(parameters.cursor, rows.model, order)
    backward = direction == BACKWARD
    turned = [name.removeprefix("-") if name.startswith("-") else f"-{name}" for name in order] if backward else order
    if position:
        rows = rows.filter(_beyond(turned, position))
    found = list(top_rows(rows.order_by(*turned), parameters.page_size + 1, *any_of))
    has_more = len(found) > parameters.page_size
    shown = list(islice(found, parameters.page_size))
    if backward:
        shown.reverse()
    has_next = has_more or backward if shown else False
    has_previous = (has_more if backward else bool(position)) if shown else False
    return Page(
        shown,
        _address(request, FORWARD, shown[-1], order) if has_next else None,
        _address(request, BACKWARD, shown[0], order) if has_previous else None,
    )


def _beyond(order: Sequence[str], position: Sequence[Any]) -> Lookup[Any]:
    """What lies after the position: one comparison of rows, which PostgreSQL estimates and bounds an index by."""
    columns = [name.removeprefix("-") for name in order]
    row, bound = (Func(*values, function="ROW", output_field=BooleanField()) for values in (columns, _values(position)))
    return LessThan(row, bound) if order[0].startswith("-") else GreaterThan(row, bound)


def _values(position: Sequence[Any]) -> list[Value]:
    return [Value(value) for value in position]


def _address(request: Request, direction: str, row: Model, order: Sequence[str]) -> str:
    values = [attrgetter(name.removeprefix("-").replace("__", "."))(row) for name in order]
    texts = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
    cursor = base64.urlsafe_b64encode(json.dumps([direction, *texts]).encode()).decode().rstrip("=")
    return replace_query_param(request.build_absolute_uri(), "cursor", cursor)


def _read(cursor: str | None, model: type[Model], order: Sequence[str]) -> tuple[str, list[Any]]:
    if cursor is None:
        return FORWARD, []
    try:
        direction, *texts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if direction not in (FORWARD, BACKWARD) or not all(isinstance(text, str) for text in texts):
            raise InvalidInput(_not_ours())
        values = [_field(model, name).to_python(text) for name, text in zip(order, texts, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError, ValidationError) as error:
        raise InvalidInput(_not_ours()) from error
    if any(isinstance(value, datetime) and not _is_storable(value) for value in values):
        raise InvalidInput(_not_ours())
    return direction, values


def _field(model: type[Model], name: str) -> Any:
    *path, last = name.removeprefix("-").split("__")
    for step in path:
        model = model._meta.get_field(step).related_model  # type: ignore[assignment]  # each step is a foreign key
    return model._meta.get_field(last)


def _is_storable(instant: datetime) -> bool:
    """Aware, and in UTC still a year of the calendar."""
    return instant.tzinfo is not None and 1 < instant.year < 9999


def _not_ours() -> dict[str, list[str]]:
    return {"cursor": ["This is not a cursor of this list: start again without it."]}
