"""Flower's `--auth_provider`: gives access to superusers who are signed in to the Django admin."""

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

# Flower's own cookie expires after 5 minutes. Then the session is checked again, so that a user who signs out of the
# admin, or is no longer a superuser, also loses access to Flower.
COOKIE_DAYS = 5 / (24 * 60)
ANY_USER = ".*@django"


def superuser(session_key: str) -> str:
    """Return the name of the active superuser with this session, or an empty string if there is none.

    Other staff get no access, because every user of Flower can send any Celery task.
    """
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)  # anonymous if the password has changed since the session started
    return user.get_username() if user.is_active and getattr(user, "is_superuser", False) else ""


def login_url() -> str:
    """Return the URL of the admin's sign-in page. The page redirects to Flower after the sign-in."""
    return f"{settings.PUBLIC_URL}{reverse('admin:login')}?{urlencode({'next': reverse('flower')})}"


def _look_up(session_key: str) -> str:
    # Django does the same around each request: a thread must neither use a connection that the server has closed, nor
    # keep its connection after the request.
    close_old_connections()
    try:
        return superuser(session_key)
    finally:
        close_old_connections()


class LoginHandler(BaseHandler):  # type: ignore[misc]  # Flower has no types
    """The page to which Flower redirects a user whose Flower cookie is missing or has expired."""

    async def get(self) -> None:
        """Set Flower's cookie for a signed-in superuser, and redirect to the page that the user requested.

        For every other user, delete the cookie and redirect to the admin's sign-in page.
        """
        cookies = SimpleCookie(self.request.headers.get("Cookie", ""))
        session = cookies.get(settings.SESSION_COOKIE_NAME)
        # Django forbids database queries in the thread of an event loop.
        name = await asyncio.to_thread(_look_up, session.value) if session else ""
        if not name:
            self.clear_cookie("user")
            self.redirect(login_url())
            return
        self.set_secure_cookie("user", name, expires_days=COOKIE_DAYS, secure=settings.SESSION_COOKIE_SECURE)
        self.redirect(_next_url(self))


def _next_url(handler: BaseHandler) -> str:
    """Return the URL of the page that the user requested, or of Flower's start page if the request names no safe page.

    Return `/` if a Location header cannot contain the URL.
    """
    url: str = get_next_url(handler)
    return url if url.isascii() and url.isprintable() else "/"


def _user_of_cookie(handler: BaseHandler) -> str | None:
    cookie = handler.get_secure_cookie("user", max_age_days=COOKIE_DAYS)
    return cookie.decode() if cookie else None


def _set_headers(handler: BaseHandler) -> None:
    _set_flower_headers(handler)
    handler.set_header("X-Frame-Options", "DENY")
    handler.set_header("Content-Security-Policy", "frame-ancestors 'none'")


if not apps.ready:
    django.setup()
# Without these changes, Flower accepts a copied cookie for 31 days, and shows /metrics (with the names of workers and
# tasks) to anybody.
_set_flower_headers, BaseHandler.set_default_headers = BaseHandler.set_default_headers, _set_headers
BaseHandler.get_current_user = _user_of_cookie
Metrics.get = authenticated(Metrics.get)
