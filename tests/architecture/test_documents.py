"""What the documents say of the repository is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|/)([^)#]+)", page.read_text())
    assert not [link for link in links if not (page.parent / link).exists()]


def test_every_variable_that_is_read_stands_in_the_reference() -> None:
    settings = (ROOT / "scheduler_project" / "settings.py").read_text()
    programs = (ROOT / "Procfile").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"(\w+)"', settings)) | set(re.findall(r"\$\{(\w+)", programs))
    written = (ROOT / "docs" / "reference" / "settings.md").read_text()
    assert not [name for name in sorted(read) if f"`{name}`" not in written]
