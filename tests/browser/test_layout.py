"""Lists fit at any width, empty lists help, filters open, and keyboard focus is visible."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from schedules.models import Job
from tests.browser.overflow import CUT_OFF
from tests.browser.screenshots import screenshot

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from executions.models import Run

# The focused element, if it has neither an outline nor a shadow.
UNMARKED = """(() => {
  const marked = (box) => {
    const style = getComputedStyle(box);
    const hasOutline = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    return hasOutline || style.boxShadow !== "none";
  };
  const place = document.activeElement;
  return place === document.body || marked(place) || marked(place.parentElement) ? "" : place.outerHTML.slice(0, 200);
})()"""


@pytest.mark.parametrize(("path", "element"), [("docs", ".opblock"), ("redoc", "[data-section-id]")])
def test_the_api_pages_are_drawn_without_console_errors(page: Page, path: str, element: str) -> None:
    page.goto(f"/api/{path}")
    expect(page.locator(element).first).to_be_visible()
    page.wait_for_load_state("networkidle")
    screenshot(page, f"api-{path}", whole=False)


def test_empty_lists_say_what_to_do(admin: Page) -> None:
    for name, address in {"job": "/admin/schedules/job/", "run": "/admin/executions/run/"}.items():
        admin.goto(address)
        expect(admin.get_by_text(f"No {name}s yet")).to_be_visible()
        screenshot(admin, f"empty-{name}s")


@pytest.mark.parametrize("width", [1024, 1280, 1536])
def test_lists_are_not_cut_off_at_any_width(admin: Page, furnished: tuple[Job, dict[str, Run]], width: int) -> None:
    admin.set_viewport_size({"width": width, "height": 800})
    for address in ("/admin/schedules/job/", "/admin/executions/run/", "/admin/access/apikey/"):
        admin.goto(address)
        admin.wait_for_load_state("networkidle")
        assert admin.evaluate(CUT_OFF) == [], address


def test_the_filters_of_the_runs_open_and_show_the_viewers_time_zone(
    admin: Page, furnished: tuple[Job, dict[str, Run]]
) -> None:
    admin.goto("/admin/")  # where the browser reports its time zone
    admin.goto("/admin/executions/run/")
    admin.get_by_role("button", name="Filters").first.press("Enter")
    expect(admin.get_by_text("scheduled for (Europe/Paris)").first).to_be_visible()
    hint = admin.get_by_placeholder("Choose one or more")
    expect(hint).to_be_visible()
    assert hint.evaluate("box => box.clientWidth") > 150
    screenshot(admin, "runs-filters", whole=False)


@pytest.mark.parametrize(
    "address", ["/admin/", "/admin/schedules/job/", "/admin/schedules/job/add/", "/admin/executions/run/"]
)
def test_keyboard_focus_is_always_visible(admin: Page, furnished: tuple[Job, dict[str, Run]], address: str) -> None:
    admin.goto(address)
    unmarked = set()
    for _ in range(45):
        admin.keyboard.press("Tab")
        unmarked.add(admin.evaluate(UNMARKED))
    assert unmarked - {""} == set()
