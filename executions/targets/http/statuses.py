"""HTTP statuses as users write them: sets of numbers and ranges, such as `[200, "300-399"]`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

Range = tuple[int, int]

_RANGE = re.compile(r"([1-5]\d\d)(?:\s*-\s*([1-5]\d\d))?", re.ASCII)
MAX_STATUSES = 100  # entries: a longer list can be written shorter, with ranges
DEFAULT_SUCCESS = ("200-299",)
DEFAULT_RETRY = (408, 425, 429, "500-599")


def _check_one(value: object) -> int | str:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    match = _RANGE.fullmatch(text.strip())
    if match is None or (match[2] and int(match[1]) > int(match[2])):
        raise ValueError('Give a status from 100 to 599, such as 200, or a range, such as "200-299".')
    return int(match[1]) if match[2] is None else f"{match[1]}-{match[2]}"


def _check_count(values: object) -> object:
    if isinstance(values, list | tuple) and len(values) > MAX_STATUSES:
        raise ValueError(f"At most {MAX_STATUSES} entries are allowed: use ranges.")
    return values


Status = Annotated[
    int | str,
    BeforeValidator(_check_one),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 100, "maximum": 599},
                {"type": "string", "pattern": "^[1-5][0-9]{2}-[1-5][0-9]{2}$"},
            ]
        }
    ),
]
# `_check_count` runs before the entries are checked: pydantic's max_length counts valid entries only.
Statuses = Annotated[tuple[Status, ...], Field(max_length=MAX_STATUSES), BeforeValidator(_check_count)]


def _ranges(statuses: tuple[int | str, ...]) -> list[Range]:
    ranges = []
    for status in statuses:
        first, _, last = str(status).partition("-")
        ranges.append((int(first), int(last or first)))
    return ranges


def contains(statuses: tuple[int | str, ...], status: int) -> bool:
    """Return whether `status` is in `statuses`, a set of numbers and ranges."""
    return any(first <= status <= last for first, last in _ranges(statuses))


def overlap(ones: tuple[int | str, ...], others: tuple[int | str, ...]) -> int | None:
    """Return the lowest status that is in both sets, or None."""
    shared = [max(a, c) for a, b in _ranges(ones) for c, d in _ranges(others) if max(a, c) <= min(b, d)]
    return min(shared, default=None)


def describe(statuses: tuple[int | str, ...]) -> str:
    """Return the set as text, such as `200-299, 304`. The text of an empty set is `none`."""
    return ", ".join(str(status) for status in statuses) or "none"
