"""The rules of the test suite: its size, the names of its tests, and where shared code of tests lives."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("scheduler_project", "schedules", "executions", "access", "values")
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MAX_NAME_LENGTH = 79


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def test_the_name_of_a_test_fits_on_a_line() -> None:
    names = [node.name for path in TESTS for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef)]
    assert not [name for name in names if name.startswith("test_") and len(name) > MAX_NAME_LENGTH]


def test_no_test_file_is_imported() -> None:
    # What two files share has a module of its own, so that a test file can be read, moved and deleted alone.
    taken = [(relative(path), name) for path in TESTS for node in ast.walk(parsed(path)) for name in imported(node)]
    assert not [(path, name) for path, name in taken if name.startswith("tests.") and ".test_" in name]


def n_lines(paths: list[Path]) -> int:
    return sum(len(path.read_text().splitlines()) for path in paths)


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def test_there_is_more_test_than_source() -> None:
    source = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py") if "migrations" not in path.parts]
    assert n_lines(TESTS) >= 1.1 * n_lines(source)
