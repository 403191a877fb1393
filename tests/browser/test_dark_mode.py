"""Every page of the admin has a dark mode; a picture of each is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from schedules.models import Job
from tests.browser.screenshots import screenshot
from tests.browser.site_in_use import pages

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from executions.models import Run

pytestmark = pytest.mark.long


def test_every_page_has_a_dark_mode(admin: Page, furnished: tuple[Job, dict[str, Run]]) -> None:
    admin.emulate_media(color_scheme="dark")
    for name, address in pages(*furnished).items():
        admin.goto(address)
        admin.wait_for_load_state("networkidle")
        screenshot(admin, f"dark-{name}")
        assert "dark" in (admin.locator("html").get_attribute("class") or "")
