"""The small pieces of HTML that several pages show: badges, instants, links. Everything from outside is escaped."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from executions.admin import words
from executions.states import LABELS, RunStatus

if TYPE_CHECKING:
    from datetime import tzinfo
    from uuid import UUID

    from executions.models import Run

NONE = SafeString('<span class="ms-none">–</span>')


def badge(text: str, tone: str = "default", title: str = "") -> SafeString:
    """A coloured label; `tone` is a name of the theme's palette."""
    return format_html('<span class="ms-badge ms-{}" title="{}">{}</span>', tone, title, text)


def run_badge(run: Run) -> SafeString:
    """The status of a run; one that is asked to stop says so."""
    label, tone = LABELS[RunStatus(run.status)]
    if run.status == RunStatus.RUNNING and run.cancel_requested_at:
        return badge("Stopping", "warning", "It was asked to stop.")
    return badge(label, tone)


def run_url(run_id: UUID) -> str:
    """The address of a run's page."""
    return reverse("admin:executions_run_change", args=[run_id])


def instant(at: datetime | None, now: datetime, zone: tzinfo = UTC) -> SafeString:
    """Relative time with the exact instant below it, in `zone`. The browser adds the viewer's own time as a hint."""
    if at is None:
        return NONE
    return format_html(
        '<time class="ms-time" datetime="{}"><span class="ms-relative">{}</span><span class="ms-exact">{}</span></time>',
        at.astimezone(UTC).isoformat(),
        words.relative(at, now),
        exact(at, now, zone),
    )


def ago(at: datetime, now: datetime) -> SafeString:
    """The relative time alone, where there is no room for more; the exact one is its hint."""
    iso = at.astimezone(UTC).isoformat()
    return format_html('<time class="ms-time" datetime="{}" title="{}">{}</time>', iso, iso, words.relative(at, now))


def exact_time(at: datetime | None, now: datetime, zone: tzinfo = UTC) -> SafeString:
    """The exact instant alone, in `zone`, with the same hint."""
    if at is None:
        return NONE
    return format_html(
        '<time class="ms-time" datetime="{}">{}</time>', at.astimezone(UTC).isoformat(), exact(at, now, zone)
    )


def exact(at: datetime, now: datetime, zone: tzinfo = UTC) -> str:
    """`20 Nov 12:00:00 UTC`, with the year where it is not this one."""
    local, here = at.astimezone(zone), now.astimezone(zone)
    year = "" if local.year == here.year else f" {local.year}"
    return f"{local.day} {local:%b}{year} {local:%H:%M:%S} {local.tzname()}"
