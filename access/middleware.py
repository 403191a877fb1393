"""Middleware that drops invalid session cookies before the session middleware reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse


def drop_invalid_session_cookie(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Return middleware that removes a session cookie with a NUL character.

    Otherwise the request would fail with status 500 at the look-up of the session: PostgreSQL refuses NUL in a query.
    """

    def handle(request: HttpRequest) -> HttpResponse:
        if "\0" in request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""):
            del request.COOKIES[settings.SESSION_COOKIE_NAME]
        return get_response(request)

    return handle
