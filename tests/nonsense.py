"""Values that no field was made for, as JSON text, since some of them no Python value can be written as."""

from __future__ import annotations

import json
from typing import Any

VALUES: dict[str, str] = {
    "null": "null",
    "true": "true",
    "zero": "0",
    "negative": "-1",
    "fraction": "1.5",
    "huge integer": "1" + "0" * 400,
    "overflowing number": "1e400",
    "tiny number": "1e-400",
    "empty text": '""',
    "blank text": '"  "',
    "word": '"nonsense"',
    "huge text": json.dumps("x" * 50_000),
    "NUL": '"a\\u0000b"',
    "lone surrogate": '"a\\ud800b"',
    "emoji and right to left": json.dumps("💥\u202e\u0007"),
    "last year": '"9999-12-31T23:59:59-23:59"',
    "first year": '"0001-01-01T00:00:00+23:59"',
    "endless duration": '"P99999999999999999999D"',
    "empty list": "[]",
    "list": "[1, null, {}]",
    "empty object": "{}",
    "object": '{"a": {"b": [1]}}',
    "object with a NUL name": '{"a\\u0000": 1}',
    "object with half a character for a name": '{"\\udc00": 1}',
    "deep list": "[" * 300 + "]" * 300,
    "deep object": '{"a":' * 300 + "1" + "}" * 300,
}
PLACE = "\ue000"  # stands where the text of a value goes


def with_value(body: dict[str, Any], path: str, text: str) -> str:
    """Return `body` as JSON text with the value at the dotted path replaced by a JSON text."""
    changed: dict[str, Any] = json.loads(json.dumps(body))
    here = changed
    *parents, last = path.split(".")
    for name in parents:
        here = here.setdefault(name, {})
    here[last] = PLACE
    return json.dumps(changed, ensure_ascii=False).replace(f'"{PLACE}"', text)


def is_about(field: str, path: str, text: str) -> bool:
    """Whether an error of `field` is about `path`: that field itself, one inside it, or the one around it.

    Null leaves the field out, so that what is missing may be missed anywhere beside it.
    """
    if text == "null" and "." in path:
        path = path.rpartition(".")[0]
    return field == path or field.startswith(f"{path}.") or (path.startswith(f"{field}.") and field != "")
