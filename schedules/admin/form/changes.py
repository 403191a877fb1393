"""Finds out whether a job was changed after its form was opened, and merges the changes into the form's values.

A hidden field of the form has a fingerprint of each field's value at the time when the form was opened.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schedules.admin.form.json_fields import plain_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from django import forms

OPENED = "opened"  # the name of the hidden field
FINGERPRINT_LENGTH = 12  # hexadecimal digits: a changed value goes unnoticed once in 2**48 changes
MAX_VALUE_SHOWN = 300  # characters of a value in the list of changes


@dataclass(frozen=True, slots=True)
class Change:
    """A field whose value in the job was changed after the form was opened.

    `sent`: the value that the person sent. `present`: the job's value. `is_edited`: whether the person has edited the
    field too; otherwise `sent` is the value before the change.
    """

    name: str
    label: str
    sent: str
    present: str
    is_edited: bool


def fingerprints(present: Mapping[str, Any]) -> str:
    """Return the value of the hidden field for a form that shows these values."""
    return json.dumps({name: _fingerprint(value) for name, value in present.items()}, separators=(",", ":"))


def read_fingerprints(text: object) -> dict[str, str] | None:
    """Return the fingerprints in the value of a hidden field; None if the value is missing or was not made by us."""
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def find_changes(
    fields: Mapping[str, forms.Field], opened: Mapping[str, str], present: Mapping[str, Any], sent: Mapping[str, Any]
) -> list[Change]:
    """Return the fields of a form whose values in the job have changed since the form was opened.

    `present` and `sent`: the job's values, and the values that the person has sent. A field that did not exist when the
    form was opened has not changed.
    """
    return [
        Change(
            name=name,
            label=str(fields[name].label or name),
            sent=_shown(sent[name]),
            present=_shown(value),
            is_edited=_fingerprint(sent[name]) not in (opened[name], _fingerprint(value)),
        )
        for name, value in present.items()
        if name in opened and opened[name] != _fingerprint(value)
    ]


def put(data: MutableMapping[str, Any], name: str, value: Any) -> None:
    """Set a field's value in the data of a form, as a browser would send the value."""
    if value is None or value is False:  # 0 is a value
        data.pop(name, None)
    elif isinstance(value, list) and hasattr(data, "setlist"):
        data.setlist(name, value)
    else:
        data[name] = "on" if value is True else value


def _fingerprint(value: Any) -> str:
    return hashlib.sha256(_text(value).encode("utf-8", "surrogatepass")).hexdigest()[:FINGERPRINT_LENGTH]


def _text(value: Any) -> str:
    """Return the same text for a value of the form and for what a browser sends for this value."""
    if value is None or value is False:
        return ""
    if isinstance(value, list | tuple):
        return "\n".join(sorted(str(item) for item in value))
    # Browsers change line ends, and remove them from single lines.
    return "on" if value is True else " ".join(plain_lines(str(value)).split())


def _shown(value: Any) -> str:
    if value is None or value is False:
        return ""
    text = "yes" if value is True else _text(value) if isinstance(value, list) else str(value)
    return f"{text[:MAX_VALUE_SHOWN]}…" if len(text) > MAX_VALUE_SHOWN else text
