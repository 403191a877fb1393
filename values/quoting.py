"""Quotes input values for error messages."""

from __future__ import annotations

MAX_QUOTED = 40  # characters: enough to recognize a value, and short within an error sentence


def quoted(value: object) -> str:
    """Return a short printable text for a JSON value; a list or object becomes "a list" or "an object"."""
    if isinstance(value, str):
        text = value if len(value) <= MAX_QUOTED else value[: MAX_QUOTED - 3] + "..."
        return f'"{text}"' if text.isprintable() else ascii(text)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10**20 else "a number of more than 20 digits"
    return "a list" if isinstance(value, (list, tuple)) else "an object" if isinstance(value, dict) else "this value"
