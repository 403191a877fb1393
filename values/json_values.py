"""JSON that PostgreSQL's jsonb can store: `find_unstorable` checks input, and `clean` repairs the output of targets."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from values.quoting import quoted

JSON = Any


MAX_DEPTH = 64  # levels of nesting; far below Python's recursion limit
MAX_VALUES = 100_000  # more than a payload within its size limit can contain
MAX_NAME_LENGTH = 100  # characters of one part of a dotted field in an error
MAX_DIGITS = 100  # jsonb returns all digits of a number: the five characters 1e308 would become 309 digits
_INVALID_CHARACTER = "a NUL character or an incomplete Unicode character (a lone surrogate)"
_LARGEST, _SMALLEST = 10**MAX_DIGITS, 10.0**-MAX_DIGITS


def clean(value: object, depth: int = 0) -> JSON:
    """Return `value` as JSON without anything that jsonb refuses.

    NUL characters are removed, and lone surrogates are replaced. NaN and infinity become null. Numbers with too many
    digits and values of other types become strings. Lists and objects nested deeper than `MAX_DEPTH` become "…".
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int):
        return hex(value) if _has_too_many_digits(value) else int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return repr(float(value)) if _has_too_many_digits(value) else float(value)
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {clean_text(str(key)): clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [clean(item, depth + 1) for item in value]
    return clean_text(str(value))


def clean_text(text: str) -> str:
    """Remove NUL characters and replace lone surrogates: PostgreSQL can store neither."""
    if text.isascii():
        return text.replace("\0", "")
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def is_same_json(one: object, other: object) -> bool:
    """Return whether two values are equal as JSON.

    `true` and 1 differ, unlike in Python. An integer is converted to a float before it is compared with a float,
    because jsonb returns 1e23 as an integer.
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same_json(item, other[name]) for name, item in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same_json, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float) and float in (type(one), type(other)):
        return float(one) == float(other)
    return one == other


def _has_too_many_digits(number: float) -> bool:
    return abs(number) >= _LARGEST or 0 < abs(number) < _SMALLEST


Path = tuple["Path | None", str]  # the path of the parent, and the name or index in it


def find_unstorable(value: object, path: str = "") -> tuple[str, str] | None:
    """Return (dotted field, sentence) for a part of `value` that cannot be stored; None if there is none.

    A part cannot be stored if jsonb refuses it, or if it exceeds `MAX_DEPTH`, `MAX_VALUES` or `MAX_DIGITS`.
    `path` is the field of `value` itself. The search does not recurse, so that deep input cannot overflow the stack.
    """
    waiting: list[tuple[Path, object, int]] = [((None, path), value, 0)]
    n_values = 1
    while waiting:
        where, item, depth = waiting.pop()
        if isinstance(item, str) and item != clean_text(item):
            return _dotted(where), f"This text contains {_INVALID_CHARACTER}: remove the character."
        if isinstance(item, float) and not math.isfinite(item):
            return _dotted(where), "NaN and infinity are not JSON numbers: use a finite number."
        if isinstance(item, int | float) and _has_too_many_digits(item):
            return _dotted(where), f"This number has more than {MAX_DIGITS} digits: write it as a string."
        if isinstance(item, Mapping | list | tuple):
            if depth >= MAX_DEPTH:
                return _dotted(where), f"This is nested deeper than {MAX_DEPTH} levels: use fewer levels."
            n_values += len(item)
            if n_values > MAX_VALUES:
                return _dotted(where), f"There are more than {MAX_VALUES} values in total: send fewer."
            pairs = item.items() if isinstance(item, Mapping) else enumerate(item)
            for name, inner in pairs:
                if isinstance(name, str) and name != clean_text(name):
                    return _dotted(where), f"A name in this object contains {_INVALID_CHARACTER}: remove the character."
                waiting.append(((where, str(name)), inner, depth + 1))
    return None


def merge_patch(target: JSON, patch: JSON) -> JSON:
    """Return `target` after a JSON merge patch (RFC 7396): objects are merged, null removes, other values replace.

    Neither argument is changed.
    """
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


def storable(text: str) -> str:
    """Return `text`, or raise ValueError if PostgreSQL cannot store it. For pydantic's AfterValidator."""
    if problem := find_unstorable(text):
        raise ValueError(problem[1])
    return text


class NotJsonNumber(ValueError):
    """NaN, Infinity or -Infinity, which Python's parser accepts and JSON does not have."""


class RepeatedName(ValueError):
    """A name that occurs more than once in an object: Python's parser would silently use the last value."""


def loads(text: str) -> JSON:
    """Parse strict JSON.

    Raises NotJsonNumber, RepeatedName, and the errors of `json.loads`: JSONDecodeError, RecursionError, ValueError.
    """
    return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeated)


def _refuse_constant(name: str) -> NoReturn:
    raise NotJsonNumber(f"{name} is not a JSON number")


def _refuse_repeated(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    found = dict(pairs)
    if len(found) != len(pairs):
        name, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise RepeatedName(f"{quoted(name)} occurs more than once in one object. Keep one of them")
    return found


def _dotted(path: Path | None) -> str:
    """Return the dotted text of a path. Only for errors: the texts of all paths would take too much memory."""
    names = []
    while path is not None:
        path, name = path
        names.append(name[:MAX_NAME_LENGTH])
    return ".".join(name for name in reversed(names) if name)
