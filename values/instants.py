"""Formats times and durations for the admin's pages: relative to now, and exact in the viewer's time zone.

The viewer's zone is Django's current time zone, which `scheduler_project.web.viewer_timezone` sets for each request.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from values.zones import zone_abbreviation

if TYPE_CHECKING:
    from datetime import tzinfo

NONE = SafeString('<span class="ms-none">–</span>')
TIME_UNITS = (
    (timedelta(days=365), "y"),
    (timedelta(days=1), "d"),
    (timedelta(hours=1), "h"),
    (timedelta(minutes=1), "min"),
    (timedelta(seconds=1), "s"),
)


def relative_text(at: datetime, now: datetime) -> str:
    """Return `in 5 min`, `3 h ago` or `now`. One unit is enough, because pages show the exact time too."""
    away = abs(at - now)
    if away < timedelta(seconds=1):
        return "now"
    text = next(f"{away // unit} {name}" for unit, name in TIME_UNITS if away >= unit)
    return f"in {text}" if at > now else f"{text} ago"


def exact_text(at: datetime, now: datetime, zone: tzinfo | None = None) -> str:
    """Return `20 Nov 13:00:00 CET` in the viewer's zone or in `zone`, with the year if it is not the current one."""
    local = at.astimezone(zone or timezone.get_current_timezone())
    year = "" if local.year == now.astimezone(local.tzinfo).year else f" {local.year}"
    return f"{local.day} {local:%b}{year} {local:%H:%M:%S} {zone_abbreviation(local)}"


def time_html(at: datetime | None, now: datetime, also_in: tzinfo | None = None) -> SafeString:
    """Return the relative time with the exact time below it; a dash for None.

    If clocks in the zone `also_in` show another time, add the time in that zone.
    """
    if at is None:
        return NONE
    return format_html(
        '<time class="ms-time" datetime="{0}" title="{0}"><span class="ms-relative">{1}</span>{2}{3}</time>',
        _iso(at),
        relative_text(at, now),
        _line(exact_text(at, now)),
        _line(exact_text(at, now, also_in)) if also_in and differs_from_viewer(at, also_in) else "",
    )


def differs_from_viewer(at: datetime, zone: tzinfo) -> bool:
    """Return whether clocks in `zone` and in the viewer's zone show different times at the instant `at`."""
    return at.astimezone(zone).utcoffset() != at.astimezone(timezone.get_current_timezone()).utcoffset()


def relative_html(at: datetime, now: datetime) -> SafeString:
    """Return the relative time only, for narrow columns; the exact time is its tooltip."""
    return format_html(
        '<time class="ms-time" datetime="{}" title="{}">{}</time>',
        _iso(at),
        exact_text(at, now),
        relative_text(at, now),
    )


def exact_html(at: datetime | None, now: datetime) -> SafeString:
    """Return the exact time only; a dash for None."""
    if at is None:
        return NONE
    return format_html('<time class="ms-time" datetime="{0}" title="{0}">{1}</time>', _iso(at), exact_text(at, now))


def _line(text: str) -> SafeString:
    return format_html('<span class="ms-exact">{}</span>', text)


def _iso(at: datetime) -> str:
    """Return the time in UTC, in whole seconds, such as `2026-11-20T12:00:00Z`."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


def duration(length: timedelta | None) -> str:
    """Return `250 ms`, `4.2 s`, `3 min 5 s` or `2 d 4 h`, with two units at most; a dash for None.

    A length below zero comes from clocks that disagree, and is shown as `0 ms`.
    """
    if length is None:
        return "–"
    seconds = max(length.total_seconds(), 0)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    rest, parts = timedelta(seconds=round(seconds)), []
    for unit, name in TIME_UNITS:
        count, rest = divmod(rest, unit)
        if count:
            parts.append(f"{count} {name}")
        elif parts:
            break
    return " ".join(parts[:2])
