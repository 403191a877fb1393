"""Proves how a time zone is named beside a local time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest

from values.zones import zone_abbreviation

SUMMER = datetime(2027, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        (UTC, "UTC"),
        (ZoneInfo("America/New_York"), "EDT"),
        (ZoneInfo("Asia/Tokyo"), "JST"),
        (ZoneInfo("America/Sao_Paulo"), "UTC-3"),
        (ZoneInfo("Asia/Kathmandu"), "UTC+5:45"),
        (ZoneInfo("Pacific/Marquesas"), "UTC-9:30"),
        (timezone(timedelta(hours=2)), "UTC+02:00"),
    ],
    ids=["UTC", "New York", "Tokyo", "Sao Paulo", "Kathmandu", "Marquesas", "a fixed offset"],
)
def test_a_zone_has_an_abbreviation_or_its_offset(zone: tzinfo, name: str) -> None:
    assert zone_abbreviation(SUMMER.astimezone(zone)) == name
