"""A real Chromium against the real admin. Without one these stories are skipped, except in CI, where that is a failure."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.test import Client, override_settings
from playwright.sync_api import expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.acceptance.conftest import processes, receiver
from tests.optional import did_not_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

__all__ = ["processes", "receiver"]

# The driver runs an event loop in this thread, and Django would refuse the tests' own queries beside it.
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
SHOTS = Path(__file__).parents[2] / "test-artifacts"
PATIENCE = timedelta(seconds=15)
expect.set_options(timeout=PATIENCE / timedelta(milliseconds=1))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium of this machine."""
    path = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if path is None:
        did_not_run("The browser's stories of the admin", f"one of {', '.join(CHROMIUMS)} on PATH")
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture(scope="package")
def live_server() -> Iterator[LiveServer]:
    """The site over plain HTTP: the middleware reads that when it is loaded, so it is set around the server."""
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
    found.set_default_timeout(PATIENCE / timedelta(milliseconds=1))
    yield found
    found.close()


@pytest.fixture
def page(context: BrowserContext, site: str) -> Iterator[Page]:
    """A page nobody has signed in to. At its end: no error in the console, and nothing asked of another host."""
    found = context.new_page()
    complaints: list[str] = []
    strangers: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"{message.type}: {message.text} ({message.location})")

    def watch(request: Request) -> None:
        if not request.url.startswith((site, "data:", "blob:")):
            strangers.append(request.url)

    found.on("console", note)
    found.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
    found.on("request", watch)
    yield found
    assert complaints == []
    assert strangers == []


@pytest.fixture
def admin(page: Page, context: BrowserContext, admin_user: User, site: str) -> Page:
    """The page, signed in as the administrator."""
    client = Client()
    client.force_login(admin_user)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}])
    return page


@pytest.fixture
def today() -> datetime:
    """An hour ago, on a full minute: pages read the real clock."""
    return (datetime.now(UTC) - timedelta(hours=1)).replace(second=0, microsecond=0)


def shoot(page: Page, name: str, *, whole: bool = True) -> None:
    """Keep a picture of the page for people to look at."""
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=whole)
