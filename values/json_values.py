"""JSON that PostgreSQL can store: `loads` parses strictly, `find_unstorable` checks, and `clean` repairs output."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import islice, pairwise
from typing import Any, TypeVar

from values.quoting import quoted

JSON = Any


MAX_DEPTH = 64  # levels of nesting; far below Python's recursion limit
MAX_VALUES = 100_000  # more than a payload within its size limit can contain
MAX_VALUES_PARSED = 200_000  # values and names of one JSON text: 400 for each job of the largest registration
MAX_NAME_LENGTH = 100  # characters of one part of a dotted field in an error
MAX_DIGITS_SHOWN = 40  # characters of a number in an error
MAX_FAULTS = 20  # faults of one JSON text that are reported: nobody reads more
N_EXACT_CHARACTERS = 16  # of a number without exponent: a point and 15 digits, which a float keeps
MAX_DIGITS = 100  # jsonb returns all digits of a number: the five characters 1e308 would become 309 digits
MIN_WITH_EXPONENT = 1e16  # Python writes larger floats with an exponent
# The text up to the next separator that is not in a string, or up to the end: no character is read twice.
_TO_SEPARATOR = re.compile(r'(?:[^",:\[{]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"?)*+(?:[,:\[{]|\Z)', re.DOTALL)
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
    """Return whether two values are equal as JSON. The order of members and the notation of numbers do not matter.

    `true` and 1 differ, unlike in Python. An integer is converted to a float before it is compared with a float,
    because jsonb returns 1e23 as an integer.
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same_json(item, other[name]) for name, item in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(is_same_json(*pair) for pair in zip(one, other, strict=True))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float) and float in (type(one), type(other)):
        return float(one) == float(other)
    return one == other


def is_kept_by_jsonb(value: object) -> bool:
    """Return whether jsonb returns `value` exactly: with the same order of members, and the same kinds of numbers."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, float) and item.is_integer() and (abs(item) >= MIN_WITH_EXPONENT or item == 0):
            return False  # jsonb returns 1e22 as an integer, and -0.0 without its sign
        if isinstance(item, Mapping):
            names = [name.encode() for name in item]
            if any((len(one), one) > (len(other), other) for one, other in pairwise(names)):
                return False  # jsonb sorts the members by the length of their names
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return True


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


class InvalidMembers(ValueError):
    """Members of a JSON text that JSON does not have, or that would silently change.

    `errors` maps the dotted field of each member to its sentences. The field of the whole value is "".
    """

    def __init__(self, errors: dict[str, list[str]]) -> None:
        texts = (
            f"{name}: {' '.join(sentences)}" if name else " ".join(sentences) for name, sentences in errors.items()
        )
        super().__init__(" ".join(texts))
        self.errors = errors


def loads(text: str, *, allow_nan: bool = False) -> JSON:
    """Parse strict JSON. With `allow_nan`, NaN and infinity are accepted too.

    Raises InvalidMembers for a name that occurs twice in an object, for NaN and infinity, for a number that a float
    cannot keep, and for more than `MAX_VALUES_PARSED` values. Also raises the errors of `json.loads`: JSONDecodeError,
    RecursionError, ValueError.
    """
    if _has_too_many_values(text):
        sentence = f"There are more than {MAX_VALUES_PARSED:,} values and names in total: send fewer."
        raise InvalidMembers({"": [sentence]})
    # The parser does not know where it is. So it leaves a mark in the value, and `_faults` finds the mark's field.
    marks: list[_Mark | _Repeated] = []

    def read_constant(name: str) -> object:
        if allow_nan or len(marks) >= MAX_FAULTS:
            return float(name)
        return mark(_Mark(f"{name} is not a JSON number: use a finite number."))

    def read_float(digits: str) -> object:
        value = float(digits)
        if len(marks) >= MAX_FAULTS or (len(digits) <= N_EXACT_CHARACTERS and "e" not in digits.lower()):
            return value
        return value if _is_exact(digits, value) else mark(_Mark(_inexact_sentence(digits, value)))

    def read_pairs(pairs: list[tuple[str, JSON]]) -> object:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        return mark(_Repeated(found, [name for name, _ in pairs]))

    def mark(found: AnyMark) -> AnyMark:
        marks.append(found)
        return found

    value = json.loads(text, parse_constant=read_constant, parse_float=read_float, object_pairs_hook=read_pairs)
    if marks:
        raise InvalidMembers(_faults(value))
    return value


@dataclass(frozen=True, slots=True, eq=False)
class _Mark:
    """Stands for a value that is refused with this sentence."""

    sentence: str


class _Repeated(dict[str, JSON]):
    """An object in which these names occur more than once: Python's parser would silently use the last values."""

    __slots__ = ("_names",)

    def __init__(self, members: dict[str, JSON], names: list[str]) -> None:
        super().__init__(members)
        self._names = names

    def repeated(self) -> list[str]:
        return [name for name, n in Counter(self._names).items() if n > 1]


AnyMark = TypeVar("AnyMark", _Mark, _Repeated)


def _is_exact(digits: str, value: float) -> bool:
    """Whether writing the float `value` as JSON gives a number that equals `digits`."""
    if not math.isfinite(value):
        return False
    try:
        return Decimal(digits) == Decimal(repr(value))
    except InvalidOperation:  # an exponent beyond the limits of Decimal
        return False


def _inexact_sentence(digits: str, value: float) -> str:
    shown = digits if len(digits) <= MAX_DIGITS_SHOWN else f"{digits[:MAX_DIGITS_SHOWN]}…"
    if math.isfinite(value):
        return f"The number {shown} would become {value!r}: round it, or write it as a string."
    return f"The number {shown} is too large: write it as a string."


def _faults(value: object) -> dict[str, list[str]]:
    """Return the sentences about the marks in a value, by dotted field: at most `MAX_FAULTS` fields."""
    errors: dict[str, list[str]] = {}
    found = islice(_find_faults(value), MAX_FAULTS)
    for where, sentence in found:
        errors[_dotted(where)] = [sentence]
    return errors


def _find_faults(value: object) -> Iterator[tuple[Path | None, str]]:
    """Yield the path and the sentence of each mark in a value, in the order of the text."""
    waiting: list[Iterator[tuple[Path | None, object]]] = [iter([(None, value)])]
    while waiting:
        where, item = next(waiting[-1], (None, waiting))
        if item is waiting:
            waiting.pop()
        elif isinstance(item, _Mark):
            yield where, item.sentence
        elif isinstance(item, dict | list):
            if isinstance(item, _Repeated):
                for name in item.repeated():
                    yield (where, name), f"{quoted(name)} occurs more than once in one object. Keep one of them."
            waiting.append(_members(where, item))


def _members(where: Path | None, item: dict[str, JSON] | list[JSON]) -> Iterator[tuple[Path | None, object]]:
    pairs = item.items() if isinstance(item, dict) else enumerate(item)
    return (((where, str(name)), inner) for name, inner in pairs)


def _has_too_many_values(text: str) -> bool:
    """Whether a JSON text has more values and names than `MAX_VALUES_PARSED`, counted before anything is built."""
    if sum(text.count(separator) for separator in ",:[{") < MAX_VALUES_PARSED:
        return False
    # Count exactly: strings may contain the same characters.
    return next(islice(_TO_SEPARATOR.finditer(text), MAX_VALUES_PARSED, None), None) is not None


def _dotted(path: Path | None) -> str:
    """Return the dotted text of a path. Only for errors: the texts of all paths would take too much memory."""
    names = []
    while path is not None:
        path, name = path
        names.append(name[:MAX_NAME_LENGTH])
    return ".".join(name for name in reversed(names) if name)
