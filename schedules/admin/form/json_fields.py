"""Form fields for what a job stores as JSON: texts that people edit, read strictly and written back readably."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from django import forms

EXAMPLE = '{"name": "value"}'


class LongText(forms.CharField):
    """A text of several lines, taken as it is; the line ends that a browser makes are no change."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, strip=False, **kwargs)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return plain_lines(initial or "") != plain_lines(data or "")


class JsonText(forms.CharField):
    """A text of JSON; empty means None. A syntax error is named with its line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, strip=True, **kwargs)

    def to_python(self, value: Any) -> Any:
        return read_json(super().to_python(value) or "")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return plain_lines(initial or "") != plain_lines(data or "")

    def validate(self, value: Any) -> None:
        """What the value may be is for the job's definition to say."""

    def run_validators(self, value: Any) -> None:
        """Those of a text don't fit a parsed value."""


class JsonObject(JsonText):
    """A text of a JSON object; empty means None."""

    def validate(self, value: Any) -> None:
        if value is not None and not isinstance(value, dict):
            raise forms.ValidationError(f"This must be a JSON object, such as {EXAMPLE}.")


def read_json(text: str) -> Any:
    """Return the value, None for an empty text. Raises forms.ValidationError with the place of the error."""
    if not text.strip():
        return None
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise forms.ValidationError(
            f"This is not JSON: {error.msg.lower()} in line {error.lineno}, column {error.colno}. Write it like {EXAMPLE}."
        ) from error
    except (ValueError, RecursionError) as error:
        raise forms.ValidationError(
            "This is not JSON that can be stored: it is nested too deep, or names no number."
        ) from error


def plain_lines(text: str) -> str:
    """The text with the line ends that it had before a browser sent it."""
    return text.replace("\r\n", "\n")


def write_json(value: Any) -> str:
    """JSON laid out for a text field; an empty text for None and for empty collections."""
    return "" if value is None or value in ({}, []) else json.dumps(value, indent=2, ensure_ascii=False)


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
