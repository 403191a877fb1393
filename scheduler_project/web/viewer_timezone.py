"""The time zone of the admin's pages: the browser's zone, which a script of the pages stores in a cookie."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from django.utils import timezone

from schedules.clock.zones.zones import zone

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from django.http import HttpRequest, HttpResponse

ZONE_COOKIE = "mainspring_zone"  # set by static/mainspring/times.js


def activate_viewer_timezone(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that activates the time zone in the cookie `ZONE_COOKIE`. Without a valid cookie, it activates UTC."""

    def handle(request: HttpRequest) -> HttpResponse:
        with timezone.override(_zone_of(request)):
            return get_response(request)

    return handle


def _zone_of(request: HttpRequest) -> tzinfo:
    try:
        return zone(request.COOKIES.get(ZONE_COOKIE, ""))
    except ValueError:
        return UTC
