"""JSON that PostgreSQL's jsonb accepts: what comes in is checked, what goes out is cleaned."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

JSON = Any


MAX_DEPTH = 64
MAX_VALUES = 100_000  # more than any payload that is short enough can hold
MAX_NAME = 100  # characters of one name in a dotted field
# PostgreSQL writes a number out with all its digits: the five characters of 1e308 come back as 309.
MAX_DIGITS = 100
_LARGEST, _SMALLEST = 10**MAX_DIGITS, 10.0**-MAX_DIGITS


def clean(value: object, depth: int = 0) -> JSON:
    """Return `value` as JSON without NUL characters, lone surrogates, NaN, infinities or bottomless nesting."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int):
        return hex(value) if _is_long(value) else int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return repr(float(value)) if _is_long(value) else float(value)
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {clean_text(str(key)): clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [clean(item, depth + 1) for item in value]
    return clean_text(str(value))


def clean_text(text: str) -> str:
    """Drop NUL characters and replace lone surrogates: neither can be stored."""
    if text.isascii():
        return text.replace("\0", "")
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def is_same_json(one: object, other: object) -> bool:
    """Whether two values are the same JSON. Python alone takes true for 1; and jsonb keeps 1e23 as an integer."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same_json(item, other[name]) for name, item in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same_json, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float) and float in (type(one), type(other)):
        return float(one) == float(other)
    return one == other


def _is_long(number: float) -> bool:
    """Say whether a number, finite, takes too many digits when it is written out."""
    return abs(number) >= _LARGEST or 0 < abs(number) < _SMALLEST


Place = tuple["Place | None", str]  # the one that it is in, and its name there


def find_unstorable(value: object, path: str = "") -> tuple[str, str] | None:
    """Name the first thing in `value` that could not be stored, as (dotted field, sentence); None if all is well."""
    waiting: list[tuple[Place, object, int]] = [((None, path), value, 0)]
    n_values = 1
    while waiting:
        where, item, depth = waiting.pop()
        if isinstance(item, str) and item != clean_text(item):
            return _dotted(where), "This text holds a NUL character or half of a character: take it out."
        if isinstance(item, float) and not math.isfinite(item):
            return _dotted(where), "NaN and infinity are not JSON numbers: give a finite number."
        if isinstance(item, int | float) and _is_long(item):
            return _dotted(where), f"This number has more than {MAX_DIGITS} digits when written out: give it as a text."
        if isinstance(item, Mapping | list | tuple):
            if depth >= MAX_DEPTH:
                return _dotted(where), f"This is nested deeper than {MAX_DEPTH} levels: make it flatter."
            n_values += len(item)
            if n_values > MAX_VALUES:
                return _dotted(where), f"With this there are more than {MAX_VALUES} values: give fewer."
            pairs = item.items() if isinstance(item, Mapping) else enumerate(item)
            for name, inner in pairs:
                if isinstance(name, str) and name != clean_text(name):
                    return _dotted(where), "A name in here holds a NUL character or half of a character: take it out."
                waiting.append(((where, str(name)), inner, depth + 1))
    return None


def _dotted(place: Place | None) -> str:
    """Put a path together only when it is needed: of every place in a large value that would fill the memory."""
    names = []
    while place is not None:
        place, name = place
        names.append(name[:MAX_NAME])
    return ".".join(name for name in reversed(names) if name)
