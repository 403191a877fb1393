"""Flower behind the platform's own sign-in: its `--auth_provider` reads the session of the Django admin."""

from __future__ import annotations

import asyncio
from http.cookies import SimpleCookie
from importlib import import_module
from urllib.parse import urlencode

import django
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user
from django.db import close_old_connections
from django.http import HttpRequest
from django.urls import reverse
from flower.views import BaseHandler
from flower.views.auth import get_next_url
from flower.views.monitor import Metrics
from tornado.web import authenticated

# Flower asks Django again after this long, so that signing out or losing the right takes effect here too.
TRUSTED_DAYS = 5 / (24 * 60)
PATTERN = ".*@django"


def superuser(session_key: str) -> str:
    """The name of the active superuser whose session this is, else an empty text: Flower can send any Celery task."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)  # this also refuses a session from before a change of password
    return user.get_username() if user.is_active and getattr(user, "is_superuser", False) else ""


def login_address() -> str:
    """The admin's sign-in page, which leads back to Flower."""
    return f"{settings.PUBLIC_URL}{reverse('admin:login')}?{urlencode({'next': reverse('flower')})}"


def _look_up(session_key: str) -> str:
    close_old_connections()
    try:
        return superuser(session_key)
    finally:
        close_old_connections()


class LoginHandler(BaseHandler):  # type: ignore[misc]  # Flower has no types
    """Flower sends everybody here who has no fresh cookie of its own."""

    async def get(self) -> None:
        """Give that cookie to a signed-in superuser; send others to the admin's sign-in page."""
        cookies = SimpleCookie(self.request.headers.get("Cookie", ""))
        session = cookies.get(settings.SESSION_COOKIE_NAME)
        # Django's database calls may not run in the event loop.
        name = await asyncio.to_thread(_look_up, session.value) if session else ""
        if not name:
            self.clear_cookie("user")
            self.redirect(login_address())
            return
        self.set_secure_cookie("user", name, expires_days=TRUSTED_DAYS, secure=settings.SESSION_COOKIE_SECURE)
        self.redirect(_next_place(self))


def _next_place(handler: BaseHandler) -> str:
    """Where Flower would lead, but for what no header can hold."""
    place: str = get_next_url(handler)
    return place if place.isascii() and place.isprintable() else "/"


def _trusted_user(handler: BaseHandler) -> str | None:
    cookie = handler.get_secure_cookie("user", max_age_days=TRUSTED_DAYS)
    return cookie.decode() if cookie else None


def _set_headers(handler: BaseHandler) -> None:
    _flowers_headers(handler)
    handler.set_header("X-Frame-Options", "DENY")
    handler.set_header("Content-Security-Policy", "frame-ancestors 'none'")


if not apps.ready:
    django.setup()
# Flower itself would take a copied cookie for 31 days, and would tell anybody the names of workers and tasks.
_flowers_headers, BaseHandler.set_default_headers = BaseHandler.set_default_headers, _set_headers
BaseHandler.get_current_user = _trusted_user
Metrics.get = authenticated(Metrics.get)
