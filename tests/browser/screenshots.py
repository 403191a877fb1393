"""Pictures of pages for people to look at, in `test-artifacts`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = Path(__file__).parents[2] / "test-artifacts"


def screenshot(page: Page, name: str, *, whole: bool = True) -> None:
    """Keep a picture of the page: of all of it, or of the part in the window."""
    FOLDER.mkdir(exist_ok=True)
    page.screenshot(path=FOLDER / f"{name}.png", full_page=whole)
