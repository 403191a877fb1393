"""Formats instants as ISO 8601 in UTC: for schedules, errors, management commands and targets."""

from __future__ import annotations

from datetime import UTC, datetime


def iso_text(at: datetime) -> str:
    """Return an aware instant as ISO 8601 in UTC, with a Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
