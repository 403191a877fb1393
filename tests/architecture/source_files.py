"""The files that the rules of the house are about, and their syntax trees, each parsed once."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("scheduler_project", "schedules", "executions", "access", "values")
SOURCE = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py") if "migrations" not in path.parts)
TESTS = sorted((ROOT / "tests").rglob("*.py"))
TESTS_AND_BENCHMARKS = [*TESTS, *sorted((ROOT / "benchmarks").rglob("*.py"))]


def relative(path: Path) -> str:
    """Return the path from the root of the repository."""
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the parsed file. All callers share it, so none may change it."""
    return ast.parse(path.read_text())


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Return all nodes of the file."""
    return tuple(ast.walk(tree_of(path)))
