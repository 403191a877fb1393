"""Every page of the admin fits a laptop and a phone and shows names as text; a picture of each is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from schedules.models import Job
from tests.browser.overflow import CUT_OFF
from tests.browser.screenshots import screenshot
from tests.browser.site_in_use import pages

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

    from executions.models import Run

pytestmark = pytest.mark.long

SIZES: dict[str, ViewportSize] = {"laptop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}


@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits_the_screen_and_shows_names_as_text(
    admin: Page, furnished: tuple[Job, dict[str, Run]], size: str
) -> None:
    admin.set_viewport_size(SIZES[size])
    cut_off = {}
    for name, address in pages(*furnished).items():
        admin.goto(address)
        admin.wait_for_load_state("networkidle")
        screenshot(admin, f"{size}-{name}")
        too_wide = admin.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert too_wide <= 0, f"{name} is {too_wide} px too wide"
        cut_off[name] = admin.evaluate(CUT_OFF)
    assert {name: boxes for name, boxes in cut_off.items() if boxes} == {}
