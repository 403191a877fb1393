"""Fixtures for tests of the admin in a real Chromium. Without one the tests are skipped; with CI=true they fail."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client, override_settings
from playwright.sync_api import expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.acceptance.fixtures import processes, receiver
from tests.browser.site_in_use import furnished
from tests.optional import did_not_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

__all__ = ["furnished", "processes", "receiver"]

# Playwright runs an event loop in this thread. Django refuses queries in such a thread without this variable.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--no-first-run",
    "--no-pings",
]
TIMEOUT = timedelta(seconds=15)  # for a page or an element: the machine may be busy with other tests
expect.set_options(timeout=TIMEOUT / timedelta(milliseconds=1))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The installed Chromium."""
    path = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if path is None:
        did_not_run("The browser tests of the admin", f"one of {', '.join(CHROMIUMS)} on PATH")
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture(scope="package")
def live_server() -> Iterator[LiveServer]:
    """The site over plain HTTP. The middleware reads these settings when the server starts."""
    with override_settings(SECURE_SSL_REDIRECT=False, SESSION_COOKIE_SECURE=False, CSRF_COOKIE_SECURE=False):
        server = LiveServer("localhost")
        yield server
        server.stop()


@pytest.fixture
def site(live_server: LiveServer) -> str:
    """The address of the running site."""
    return str(live_server.url)


@pytest.fixture
def context(browser: Browser, site: str) -> Iterator[BrowserContext]:
    """A fresh browser window of laptop size, in Paris."""
    found = browser.new_context(
        base_url=site, viewport={"width": 1440, "height": 900}, timezone_id="Europe/Paris", locale="en-GB"
    )
    found.set_default_timeout(TIMEOUT / timedelta(milliseconds=1))
    yield found
    found.close()


@pytest.fixture
def page(context: BrowserContext, site: str) -> Iterator[Page]:
    """A page without a session. The test fails if the console has an error or another host got a request."""
    found = context.new_page()
    console_errors: list[str] = []
    other_hosts: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            console_errors.append(f"{message.type}: {message.text} ({message.location})")

    def watch(request: Request) -> None:
        if not request.url.startswith((site, "data:", "blob:")):
            other_hosts.append(request.url)

    found.on("console", note)
    found.on("pageerror", lambda error: console_errors.append(f"exception: {error}"))
    found.on("request", watch)
    yield found
    assert console_errors == []
    assert other_hosts == []


@pytest.fixture
def admin(page: Page, context: BrowserContext, admin_user: User, site: str) -> Page:
    """The page, signed in as the administrator."""
    client = Client()
    client.force_login(admin_user)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}])
    return page


@pytest.fixture
def today() -> datetime:
    """An hour ago, on a full minute. Pages read the real clock."""
    return (datetime.now(UTC) - timedelta(hours=1)).replace(second=0, microsecond=0)
