"""Converts pydantic's validation errors to sentences, grouped by field.

The key of a field is its dotted path, such as `headers.X-Token`. The API, the admin and the targets use the sentences.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from values.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic_core import ErrorDetails

MAX_ERRORS_SHOWN = 20  # nobody reads more errors of one body
# For more errors, only their number is shown: pydantic builds all errors together, and each takes several kilobytes.
MAX_ERRORS_LISTED = 1000
MAX_NAME_LENGTH = 100  # characters: a name comes from the input and could be megabytes long

_SENTENCE = "sentence"  # pydantic's type of the errors that `sentences` makes

# The text after "must be", by the type of pydantic's error.
_EXPECTED = {
    "string_type": "a string",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "decimal_type": "a decimal number",
    "decimal_parsing": "a decimal number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "none_required": "null",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "iterable_type": "a list",
    "dict_type": "an object",
    "mapping_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "dataclass_type": "an object",
    "date_type": "a date such as 2026-11-20",
    "date_parsing": "a date such as 2026-11-20",
    "date_from_datetime_parsing": "a date such as 2026-11-20",
    "date_from_datetime_inexact": "a date without a time, such as 2026-11-20",
    "datetime_type": "a date and time such as 2026-11-20T08:30:00Z",
    "datetime_parsing": "a date and time such as 2026-11-20T08:30:00Z",
    "datetime_from_date_parsing": "a date and time such as 2026-11-20T08:30:00Z",
    "datetime_object_invalid": "a date and time such as 2026-11-20T08:30:00Z",
    "timezone_aware": "a date and time with its UTC offset, such as 2026-11-20T08:30:00Z",
    "timezone_naive": "a date and time without an offset, such as 2026-11-20T08:30:00",
    "time_type": "a time of day such as 08:30",
    "time_parsing": "a time of day such as 08:30",
    "time_delta_type": "a duration, in seconds or written like PT15M",
    "time_delta_parsing": "a duration, in seconds or written like PT15M",
    "uuid_type": "a UUID",
    "uuid_parsing": "a UUID",
    "url_type": "a URL",
    "url_parsing": "a URL",
    "url_scheme": "a URL with an allowed scheme",
    "bytes_type": "a string",
    "json_invalid": "JSON",
}


def field_errors(
    error: ValidationError, data: object, *, prefix: str = "", model: type[BaseModel] | None = None
) -> dict[str, list[str]]:
    """Map each dotted field with errors (`headers.X-Token`, `tags.0`) to sentences. Each key starts with `prefix`.

    An error of the whole value has the key `prefix`. For an unknown field, similar fields of `model` are suggested.
    `data` is the value that failed the validation. It shows which parts of an error's path are fields, and which parts
    are labels that pydantic adds for the branches of a union.

    Only the first `MAX_ERRORS_SHOWN` errors are included. If there are more than `MAX_ERRORS_LISTED` errors, the result
    has only the number of errors, under the key `prefix`.
    """
    if (n_errors := error.error_count()) > MAX_ERRORS_LISTED:
        return {prefix: [f"There are {n_errors} errors here: too many to list."]}
    found: dict[str, list[str]] = {}
    expected: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for problem in islice(error.errors(include_url=False, include_input=False), MAX_ERRORS_SHOWN):
        if problem["type"] == _SENTENCE:
            field = f"{prefix}.{problem['ctx']['field']}".strip(".")
            found.setdefault(field, []).append(problem["ctx"]["sentence"])
            continue
        path = _data_path(problem, data)
        name = ".".join(str(part)[:MAX_NAME_LENGTH] for part in path)
        field = f"{prefix}.{name}" if prefix and name else prefix or name
        last = _name_of(path[-1]) if path else "This"
        if kind := _EXPECTED.get(problem["type"]):
            if kind not in expected.setdefault(field, []):
                expected[field].append(kind)
            found.setdefault(field, [])
            names[field] = last if path else prefix or last
        else:
            known_names = _names_at(model, path[:-1]) if model else []
            sentence = _sentence(problem, last, known_names, _value_at(path, data))
            if sentence not in found.setdefault(field, []):
                found[field].append(sentence)
    # Each branch of a union reports its own error: join these errors into one sentence.
    for field, kinds in expected.items():
        found[field].insert(0, f"{names[field]} must be {' or '.join(kinds)}.")
    return found


def sentences(errors: Mapping[str, Sequence[str]]) -> ValidationError:
    """Return an error with several sentences, for a validator to raise. `errors`: sentences by dotted field.

    `field_errors` returns these sentences unchanged. The fields are paths from the root of the validated value.
    """
    return ValidationError.from_exception_data(
        "sentences",
        [
            InitErrorDetails(
                type=PydanticCustomError(_SENTENCE, "{sentence}", {"field": name, "sentence": text}), input=None
            )
            for name, texts in errors.items()
            for text in texts
        ],
    )


def _name_of(part: str | int) -> str:
    """Return the name of a field for an error sentence. `part`: the last part of the field's path."""
    return "This entry" if isinstance(part, int) else part[:MAX_NAME_LENGTH]


def _names_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Return the field names of the models at `path` below `model`. If a field has an alias, its name is the alias."""
    models = [model]
    for part in path:
        if isinstance(part, str):  # an index of a list does not change the models
            annotations = [annotation for each in models for name, annotation in _fields(each) if name == part]
            models = [found for annotation in annotations for found in _models_in(annotation)]
    return [name for each in models for name, _ in _fields(each)]


def _fields(model: type[BaseModel]) -> list[tuple[str, Any]]:
    """Return (name in the data, annotation) for each field."""
    return [(field.alias or name, field.annotation) for name, field in model.model_fields.items()]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]


def _data_path(problem: ErrorDetails, data: object) -> list[str | int]:
    """Return the error's location without pydantic's labels, which are not keys of the data."""
    path: list[str | int] = []
    here: Any = data
    location = problem["loc"]
    for index, part in enumerate(location):
        if _holds(here, part):
            here = here[part]
        elif problem["type"] != "missing" or index < len(location) - 1:
            continue
        path.append(part)
    return path


def _holds(here: Any, part: str | int) -> bool:
    if isinstance(here, list | tuple):
        return isinstance(part, int) and part < len(here)
    return isinstance(here, Mapping) and part in here


def _value_at(path: Iterable[str | int], data: object) -> object:
    here: Any = data
    for part in path:
        if not _holds(here, part):
            return None
        here = here[part]
    return here


def _sentence(problem: ErrorDetails, name: str, known_names: Iterable[str], value: object) -> str:
    kind, limits = problem["type"], problem.get("ctx", {})
    if kind in ("value_error", "assertion_error"):
        return str(limits["error"])
    if kind == "missing":
        return f"{name} is required."
    if kind == "extra_forbidden":
        return f"{name} is not a known field.{did_you_mean(name, known_names)}"
    if kind in ("literal_error", "enum"):
        words = re.findall(r"'([^']*)'", limits["expected"])
        suggestion = did_you_mean(value, words) if isinstance(value, str) else ""
        return f"{name} must be one of {limits['expected']}.{suggestion}"
    if isinstance(value, str) and kind in ("too_short", "too_long"):
        kind = f"string_{kind}"  # pydantic counts items if the length is limited after another check of the string
    if limit := _limit(kind, limits):
        return f"{name} must {limit}."
    text = problem["msg"]
    return f"{name}: {text[:1].lower()}{text[1:]}."


def _limit(kind: str, limits: Mapping[str, Any]) -> str:
    match kind:
        case "greater_than":
            return f"be more than {limits['gt']}"
        case "greater_than_equal":
            return f"be {limits['ge']} or more"
        case "less_than":
            return f"be less than {limits['lt']}"
        case "less_than_equal":
            return f"be {limits['le']} or less"
        case "multiple_of":
            return f"be a multiple of {limits['multiple_of']}"
        case "string_too_short" | "too_short" if limits["min_length"] == 1:
            return "not be empty"
        case "string_too_short":
            return f"have {limits['min_length']} characters or more"
        case "string_too_long":
            return f"have {limits['max_length']} characters or fewer"
        case "too_short":
            return f"have {limits['min_length']} items or more"
        case "too_long":
            return f"have {limits['max_length']} items or fewer"
        case "string_pattern_mismatch":
            return f"match the pattern {limits['pattern']}"
        case _:
            return ""
