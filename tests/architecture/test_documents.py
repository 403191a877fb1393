"""What the documents say of the repository is so: links, file names, settings, log events, the files of the engine."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import lru_cache
from pathlib import Path

import pytest

from tests.architecture.log_events import log_events

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGES = ("scheduler_project", "schedules", "executions", "access", "values", "tests", "benchmarks", "docker", "docs")
MAX_STORY_FILES, MAX_STORY_LINES = 9, 250
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page: Path) -> str:
    """The text of a page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


@lru_cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that the headings of a page get on GitHub."""
    found: Counter[str] = Counter()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        found[re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")] += 1
    return frozenset(found) | {f"{slug}-{number}" for slug, n in found.items() for number in range(1, n)}


@each_page
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    wrong = []
    for link in re.findall(r"\]\((?!\w+:|/)([^)\s]+)\)", prose(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    assert not wrong


@each_page
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    if page.name == "CHANGELOG.md":
        return  # it also names what was there before
    named = re.findall(rf"`((?:{'|'.join(PACKAGES)})/[\w./*-]*)`", prose(page))
    missing = [name for name in named if not list(ROOT.glob(name.rstrip("/")))]
    assert not [name for name in missing if name != "docker/.env"]  # each installation has its own


@each_page
def test_every_name_that_a_page_places_in_a_file_is_defined_there(page: Path) -> None:
    placed = re.findall(rf"`(\w+)`\s+(?:in|of)\s+`((?:{'|'.join(PACKAGES)})/[\w/]+\.py)`", prose(page))
    assert not [(name, path) for name, path in placed if name not in defined_in(ROOT / path)]


@lru_cache
def defined_in(path: Path) -> frozenset[str]:
    """The functions, classes and variables that a file defines, without the names that it imports."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return frozenset(defined | {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)})


@each_page
def test_every_page_can_be_reached_from_the_table_of_contents(page: Path) -> None:
    index, decisions = ROOT / "docs" / "index.md", ROOT / "docs" / "decisions" / "README.md"
    source = decisions if page.parent == decisions.parent and page != decisions else index
    linked = {(source.parent / link).resolve() for link in re.findall(r"\]\(([^)#]+)", source.read_text())}
    assert page == index or page in linked


def test_the_list_of_decisions_gives_each_note_its_title() -> None:
    folder = ROOT / "docs" / "decisions"
    notes = {page.name: page.read_text().partition("\n")[0] for page in folder.glob("2*.md")}
    rows = re.findall(r"^\| ([\d-]+) \| \[(.+)\]\((.+)\) \|$", (folder / "README.md").read_text(), re.MULTILINE)
    assert {name: f"# {date}: {title}" for date, title, name in rows} == notes


@each_page
def test_no_sequence_diagram_has_a_semicolon(page: Path) -> None:
    # Mermaid ends a statement there, and then draws nothing at all.
    drawn = re.findall(r"^```mermaid\nsequenceDiagram\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    assert not [text for text in drawn if ";" in text]


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = "\n".join(page.read_text() for page in PAGES)
    named = set(re.findall(r"`make ([a-z-]+)", text)) | set(re.findall(r"^make ([a-z-]+)", text, re.MULTILINE))
    assert named <= targets


def test_every_variable_that_is_read_stands_in_the_reference() -> None:
    settings = (ROOT / "scheduler_project" / "settings.py").read_text()
    programs = (ROOT / "Procfile").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"(\w+)"', settings)) | set(re.findall(r"\$\{(\w+)", programs))
    written = (ROOT / "docs" / "reference" / "settings.md").read_text()
    assert not [name for name in sorted(read) if f"`{name}`" not in written]


def test_the_engine_is_told_by_a_few_short_files() -> None:
    story = re.findall(r"^\d+\. `([\w/]+\.py)`", (ROOT / "docs" / "engine.md").read_text(), re.MULTILINE)
    assert 0 < len(story) <= MAX_STORY_FILES
    n_lines = {name: len((ROOT / name).read_text().splitlines()) for name in story}
    assert not {name: n for name, n in n_lines.items() if n > MAX_STORY_LINES}


def test_every_writer_of_a_jobs_next_instant_stands_in_the_architecture() -> None:
    section = (ROOT / "docs/architecture.md").read_text().partition("### Who computes a job's next instant")[2]
    section = section.partition("\n## ")[0]
    writes = re.compile(
        r"\.next_run_at = |update\([^)]*\bnext_run_at=|\bSET [^;=]*\bnext_run_at = |\bSET [^;]*, next_run_at = "
    )
    writers = [path for path in sorted((ROOT / "schedules").rglob("*.py")) if writes.search(path.read_text())]

    assert len(writers) >= 5
    assert not [name for path in writers if (name := str(path.relative_to(ROOT))) not in section]


@pytest.mark.long
def test_every_log_event_stands_in_the_operators_table_with_its_level() -> None:
    table = (ROOT / "docs" / "operations.md").read_text().partition("\n## Log events\n")[2]
    rows = re.findall(r"^\| `(\w+)` \| ([a-z, ]+) \|", table, re.MULTILINE)
    documented = {event: frozenset(levels.split(", ")) for event, levels in rows}
    assert len(documented) == len(rows), "an event has two rows"
    assert documented == log_events()
