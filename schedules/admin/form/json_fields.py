"""Form fields for JSON and for long texts: JSON is read strictly, and shown with indentation."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from access.admin.json_shown import pretty
from values.json_values import InvalidMembers, loads

OBJECT_EXAMPLE = '{"name": "value"}'


class LongText(forms.CharField):
    """A field for several lines of text. Every line ending becomes LF.

    Whitespace at the start and the end of the text is kept. If only line endings differ, the text counts as unchanged.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "strip": False} | kwargs)

    def to_python(self, value: Any) -> str:
        return plain_lines(super().to_python(value) or "")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return plain_lines(initial or "") != plain_lines(data or "")


class JsonText(forms.CharField):
    """JSON; empty means None. A syntax error is reported with its line and column."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, strip=True, **kwargs)

    def to_python(self, value: Any) -> Any:
        return read_json(super().to_python(value) or "")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return plain_lines(initial or "") != plain_lines(data or "")

    def validate(self, value: Any) -> None:
        """Accept any JSON: the job's definition validates the value."""

    def run_validators(self, value: Any) -> None:
        """Do nothing: the validators of a CharField expect text, but this value is already parsed."""


class JsonObject(JsonText):
    """A JSON object; empty means None."""

    def validate(self, value: Any) -> None:
        if value is not None and not isinstance(value, dict):
            raise forms.ValidationError(f"This must be a JSON object, such as {OBJECT_EXAMPLE}.")


def read_json(text: str) -> Any:
    """Return the value of a JSON text, or None if the text is empty.

    Raises forms.ValidationError if the text is not strict JSON, if an object repeats a name, if a number would change,
    or if the parser cannot read very deep nesting or a very long number. The message about a syntax error names the
    line and the column; a message about a member names its field.
    """
    if not text.strip():
        return None
    try:
        return loads(text)
    except json.JSONDecodeError as error:
        raise forms.ValidationError(
            f"This is not JSON: {error.msg.lower()} at line {error.lineno}, column {error.colno}. "
            f"Write JSON such as {OBJECT_EXAMPLE}."
        ) from error
    except InvalidMembers as error:
        raise forms.ValidationError(
            [f"{name}: {' '.join(texts)}" if name else " ".join(texts) for name, texts in error.errors.items()]
        ) from error
    except (ValueError, RecursionError) as error:
        raise forms.ValidationError(
            "This JSON cannot be stored. Remove very deep nesting and very long numbers."
        ) from error


def plain_lines(text: str) -> str:
    """Return the text with LF for every line end. Browsers send CRLF for LF, CR and CRLF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def write_object(value: dict[str, Any] | None) -> str:
    """Return indented JSON for a text field; an empty text for None and for an empty object."""
    return pretty(value or None)
