"""What the admin knows of whoever looks at it: the time zone of the browser, from a cookie that its script sets."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from django.utils import timezone

from schedules.clock.zones.zones import zone

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from django.http import HttpRequest, HttpResponse

ZONE_COOKIE = "mainspring_zone"


def activate_viewer_timezone(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Show and read local times in the browser's zone; in UTC for as long as it is not known."""

    def handle(request: HttpRequest) -> HttpResponse:
        with timezone.override(_zone_of(request)):
            return get_response(request)

    return handle


def _zone_of(request: HttpRequest) -> tzinfo:
    try:
        return zone(request.COOKIES.get(ZONE_COOKIE, ""))
    except ValueError:
        return UTC
