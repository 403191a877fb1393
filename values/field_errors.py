"""Turns pydantic's errors into plain sentences for each dotted field: one voice for API, admin and target errors."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic_core import ErrorDetails

MAX_PROBLEMS = 20  # of a body full of nonsense, so many are told
MAX_TOLD_APART = 1000  # pydantic makes all of them before the first can be had, each in thousands of bytes
MAX_NAME = 100  # characters of a name

_SENTENCE = "sentence"  # pydantic's type of the errors that `sentences` makes

# What a field takes, by the kind of error that says it was given something else.
_TAKES = {
    "string_type": "a text",
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
    "datetime_type": "an instant such as 2026-11-20T08:30:00Z",
    "datetime_parsing": "an instant such as 2026-11-20T08:30:00Z",
    "datetime_from_date_parsing": "an instant such as 2026-11-20T08:30:00Z",
    "datetime_object_invalid": "an instant such as 2026-11-20T08:30:00Z",
    "timezone_aware": "an instant with its offset, such as 2026-11-20T08:30:00Z",
    "timezone_naive": "an instant without an offset, such as 2026-11-20T08:30:00",
    "time_type": "a time of day such as 08:30",
    "time_parsing": "a time of day such as 08:30",
    "time_delta_type": "a duration in seconds or such as PT15M",
    "time_delta_parsing": "a duration in seconds or such as PT15M",
    "uuid_type": "a UUID",
    "uuid_parsing": "a UUID",
    "url_type": "a URL",
    "url_parsing": "a URL",
    "url_scheme": "a URL of another scheme",
    "bytes_type": "a text",
    "json_invalid": "JSON",
}


def field_errors(
    error: ValidationError,
    data: object,
    *,
    prefix: str = "",
    known_names: Iterable[str] = (),
    model: type[BaseModel] | None = None,
) -> dict[str, list[str]]:
    """Return sentences by dotted field (`headers.X-Token`, `tags.0`), each starting with the field's own name.

    `data` is what was validated: it tells real fields from the names of a union's branches. An unknown name is compared
    with `known_names`, or with the fields that `model` has at that place. A problem of the whole is filed under
    `prefix`, and so is the number of problems when there are very many.
    """
    if (n_problems := error.error_count()) > MAX_TOLD_APART:
        return {prefix: [f"There are {n_problems} problems in here, too many to be told apart."]}
    found: dict[str, list[str]] = {}
    wanted: dict[str, list[str]] = {}
    for problem in islice(error.errors(include_url=False, include_input=False), MAX_PROBLEMS):
        if problem["type"] == _SENTENCE:
            where, sentence = f"{prefix}.{problem['ctx']['field']}".strip("."), problem["ctx"]["sentence"]
            found.setdefault(where, []).append(sentence)
            continue
        path = _real_path(problem, data)
        name = ".".join(str(part)[:MAX_NAME] for part in path)
        where = f"{prefix}.{name}" if prefix and name else prefix or name
        spoken = str(path[-1])[:MAX_NAME] if path else "This"
        if takes := _TAKES.get(problem["type"]):
            if takes not in wanted.setdefault(where, []):
                wanted[where].append(takes)
            found.setdefault(where, [])
        else:
            names = known_names or (_names_at(model, path[:-1]) if model else ())
            sentence = _sentence(problem, spoken, names, _at(path, data))
            if sentence not in found.setdefault(where, []):
                found[where].append(sentence)
    # Each branch of a union complains on its own; people read one sentence.
    for where, kinds in wanted.items():
        found[where].insert(0, f"{where.rpartition('.')[2] or 'This'} takes {' or '.join(kinds)}.")
    return found


def sentences(errors: Mapping[str, Sequence[str]]) -> ValidationError:
    """Return the error for a validator to raise that has found several faults: sentences by dotted field.

    `field_errors` reports them as they are, under these names: they are read from the root of what is validated.
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


def _names_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Return the field names of the models that stand at a path below `model`."""
    models = [model]
    for part in path:
        if isinstance(part, str):
            annotations = [each.model_fields[part].annotation for each in models if part in each.model_fields]
            models = [found for annotation in annotations for found in _models_in(annotation)]
    return [name for each in models for name in each.model_fields]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]


def _real_path(problem: ErrorDetails, data: object) -> list[str | int]:
    """Follow the data along the error's location, leaving out pydantic's own labels."""
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


def _at(path: Iterable[str | int], data: object) -> object:
    here: Any = data
    for part in path:
        if not _holds(here, part):
            return None
        here = here[part]
    return here


def _sentence(problem: ErrorDetails, spoken: str, known_names: Iterable[str], given: object) -> str:
    kind, limits = problem["type"], problem.get("ctx", {})
    if kind in ("value_error", "assertion_error"):
        return str(limits["error"])
    if kind == "missing":
        return f"{spoken} is required."
    if kind == "extra_forbidden":
        return f"{spoken} is not known here.{did_you_mean(spoken, known_names)}"
    if kind in ("literal_error", "enum"):
        words = re.findall(r"'([^']*)'", limits["expected"])
        near = did_you_mean(given, words) if isinstance(given, str) else ""
        return f"{spoken} takes one of {limits['expected']}.{near}"
    if bound := _bound(kind, limits):
        return f"{spoken} must {bound}."
    text = problem["msg"]
    return f"{spoken}: {text[:1].lower()}{text[1:]}."


def _bound(kind: str, limits: Mapping[str, Any]) -> str:
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
        case "string_too_short":
            return "not be empty" if limits["min_length"] == 1 else f"have {limits['min_length']} characters or more"
        case "string_too_long":
            return f"have {limits['max_length']} characters or fewer"
        case "too_short":
            return f"have {limits['min_length']} entries or more"
        case "too_long":
            return f"have {limits['max_length']} entries or fewer"
        case "string_pattern_mismatch":
            return f"match the pattern {limits['pattern']}"
        case _:
            return ""


def did_you_mean(name: str, known_names: Iterable[str]) -> str:
    """Return ` Did you mean a or b?` for the nearest known names, or an empty text."""
    near = difflib.get_close_matches(name[:MAX_NAME], list(known_names), n=3)
    return f" Did you mean {' or '.join(near)}?" if near else ""
