"""The abbreviation of a time zone, such as EDT, or its UTC offset, such as UTC+5:30."""

from __future__ import annotations

from datetime import datetime, timedelta


def zone_abbreviation(local: datetime) -> str:
    """Return the abbreviation of an aware time's zone (`EDT`), or `UTC+5:30` if the zone has only a number."""
    name = local.tzname() or "UTC"
    if name[0] not in "+-":
        return name
    seconds = round((local.utcoffset() or timedelta(0)).total_seconds())
    hours, remainder = divmod(abs(seconds), 3600)
    sign = "-" if seconds < 0 else "+"
    return f"UTC{sign}{hours}" + (f":{remainder // 60:02d}" if remainder else "")
