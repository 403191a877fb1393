"""Formats instants as ISO 8601, in the same form for the API, the management commands and the targets."""

from __future__ import annotations

from datetime import UTC, datetime


def iso_text(at: datetime) -> str:
    """Return an aware instant as ISO 8601 in UTC, with a Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
