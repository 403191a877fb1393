"""Formats JSON for the admin's pages."""

from __future__ import annotations

import json
from typing import Any


def pretty(value: Any) -> str:
    """Return indented JSON; an empty text for null."""
    return "" if value is None else json.dumps(value, indent=2, ensure_ascii=False)


def readable(body: str) -> str:
    """Return a JSON object or array indented; return any other text unchanged."""
    if body[:1] in ("{", "["):
        try:
            return pretty(json.loads(body))
        except (ValueError, RecursionError):
            return body
    return body
