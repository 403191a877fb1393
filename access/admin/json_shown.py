"""JSON as people read it."""

from __future__ import annotations

import json
from typing import Any


def pretty(value: Any) -> str:
    """JSON laid out for people; an empty text for null."""
    return "" if value is None else json.dumps(value, indent=2, ensure_ascii=False)


def readable(body: str) -> str:
    """JSON is laid out; any other text stays as it came."""
    if body[:1] in ("{", "["):
        try:
            return pretty(json.loads(body))
        except (ValueError, RecursionError):
            return body
    return body
