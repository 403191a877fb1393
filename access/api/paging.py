"""Pagination by cursor (keyset): pages stay stable while rows are added, and the last page is as fast as the first."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from itertools import accumulate, islice
from operator import add, attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import BooleanField, Func, IntegerField, Model, TextField, Value
from django.db.models.functions import Cast, Coalesce
from django.db.models.lookups import GreaterThan, LessThan, Lookup
from rest_framework.utils.urls import replace_query_param

from access.api.exceptions import InvalidInput
from access.top_rows import top_rows
from values.json_values import find_unstorable

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from django.db.models import QuerySet
    from django.db.models.expressions import Combinable
    from rest_framework.request import Request

    from access.api.parameters import PageParameters

Row = TypeVar("Row", bound=Model)
FORWARD, BACKWARD = "next", "previous"
# A page is built in memory, by each thread of a web process at the same time. One row has at most some 500 KB.
MAX_PAGE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """The rows of one page, and the URLs of the next and the previous page."""

    rows: list[Row]
    next: str | None
    previous: str | None


def paginate(
    request: Request,
    rows: QuerySet[Row],
    parameters: PageParameters,
    order: Sequence[str] = ("-id",),
    any_of: tuple[str, Collection[str] | None] = ("", None),
    large: Collection[str] = (),
) -> Page[Row]:
    """Return the page of `rows` that the cursor names or, without a cursor, the first page.

    `order`: columns as in `order_by`, unique together and all in the same direction. `any_of`: a column and the values
    that it may have (None for any), as in `top_rows`. `large`: columns that may be large. The page ends before the row
    with which they would have more than MAX_PAGE_BYTES bytes. Raises InvalidInput for an invalid cursor.
    """
    direction, position = _read(parameters.cursor, rows.model, order)
    backward = direction == BACKWARD
    # The previous page is read in the opposite order, and reversed below.
    sorted_by = (
        [name.removeprefix("-") if name.startswith("-") else f"-{name}" for name in order] if backward else order
    )
    if position:
        rows = rows.filter(_beyond(sorted_by, position))
    rows, page_size = rows.order_by(*sorted_by), parameters.page_size
    if large:
        sizes = top_rows(rows, page_size, *any_of).values_list(_n_bytes(large), flat=True)
        page_size = max(1, sum(total <= MAX_PAGE_BYTES for total in accumulate(sizes)))
    # Read one more row than fits on the page: it shows whether there is another page.
    found = list(top_rows(rows, page_size + 1, *any_of))
    has_more = len(found) > page_size
    page_rows = list(islice(found, page_size))
    if backward:
        page_rows.reverse()
    has_next = has_more or backward if page_rows else False
    has_previous = (has_more if backward else bool(position)) if page_rows else False
    return Page(
        page_rows,
        _page_url(request, FORWARD, page_rows[-1], order) if has_next else None,
        _page_url(request, BACKWARD, page_rows[0], order) if has_previous else None,
    )


def _beyond(order: Sequence[str], position: Sequence[Any]) -> Lookup[Any]:
    """Return the condition for the rows after the position.

    The condition is a single comparison of SQL row values, so PostgreSQL can use an index for it.
    """
    columns = [name.removeprefix("-") for name in order]
    row, bound = (Func(*values, function="ROW", output_field=BooleanField()) for values in (columns, _values(position)))
    return LessThan(row, bound) if order[0].startswith("-") else GreaterThan(row, bound)


def _n_bytes(columns: Collection[str]) -> Combinable:
    """Return the expression for the bytes of these columns as text."""
    lengths: list[Combinable] = [
        Coalesce(Func(Cast(name, TextField()), function="OCTET_LENGTH", output_field=IntegerField()), 0)
        for name in columns
    ]
    return reduce(add, lengths)


def _values(position: Sequence[Any]) -> list[Value]:
    return [Value(value) for value in position]


def _page_url(request: Request, direction: str, row: Model, order: Sequence[str]) -> str:
    values = [attrgetter(name.removeprefix("-").replace("__", "."))(row) for name in order]
    texts = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
    # The cursor needs no signature: it contains only values that the page shows, and `_read` validates it.
    cursor = base64.urlsafe_b64encode(json.dumps([direction, *texts]).encode()).decode().rstrip("=")
    return replace_query_param(request.build_absolute_uri(), "cursor", cursor)


def _read(cursor: str | None, model: type[Model], order: Sequence[str]) -> tuple[str, list[Any]]:
    if cursor is None:
        return FORWARD, []
    try:
        direction, *texts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if direction not in (FORWARD, BACKWARD) or not all(isinstance(text, str) for text in texts):
            raise InvalidInput(_invalid_cursor())
        if find_unstorable(texts):
            raise InvalidInput(_invalid_cursor())
        values = [_field(model, name).to_python(text) for name, text in zip(order, texts, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError, ValidationError) as error:
        raise InvalidInput(_invalid_cursor()) from error
    if any(isinstance(value, datetime) and not _is_storable(value) for value in values):
        raise InvalidInput(_invalid_cursor())
    return direction, values


def _field(model: type[Model], name: str) -> Any:
    *path, last = name.removeprefix("-").split("__")
    for step in path:
        model = model._meta.get_field(step).related_model  # type: ignore[assignment]  # each step is a foreign key
    return model._meta.get_field(last)


def _is_storable(instant: datetime) -> bool:
    # An aware time whose year stays within 1 to 9999 when it is converted to UTC.
    return instant.tzinfo is not None and 1 < instant.year < 9999


def _invalid_cursor() -> dict[str, list[str]]:
    return {"cursor": ["This cursor is not valid for this list: remove the parameter to get the first page."]}
