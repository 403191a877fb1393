"""Proves the one form of an instant as a text."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from values.iso import iso_text


def test_an_instant_is_written_in_utc_with_a_z() -> None:
    local = datetime(2026, 11, 20, 10, 0, 0, 500, ZoneInfo("Europe/Berlin"))
    assert iso_text(local) == "2026-11-20T09:00:00.000500Z"
    assert iso_text(datetime(2026, 11, 20, 9, tzinfo=UTC)) == "2026-11-20T09:00:00Z"
