"""The rules of the test suite: its size, the names of its tests, and where shared code of tests lives."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.architecture.source_files import SOURCE, TESTS, nodes_of, relative

if TYPE_CHECKING:
    from pathlib import Path

MAX_NAME_LENGTH = 79


def test_the_name_of_a_test_fits_on_a_line() -> None:
    names = [name for path in TESTS for name in re.findall(r"\bdef (test_\w+)", path.read_text())]
    assert not [name for name in names if len(name) > MAX_NAME_LENGTH]


@pytest.mark.long
def test_no_test_file_is_imported() -> None:
    # What two files share has a module of its own, so that a test file can be read, moved and deleted alone.
    taken = [(relative(path), name) for path in TESTS for node in nodes_of(path) for name in imported(node)]
    assert not [(path, name) for path, name in taken if name.startswith("tests.") and ".test_" in name]


def n_lines(paths: list[Path]) -> int:
    return sum(len(path.read_text().splitlines()) for path in paths)


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def test_there_is_more_test_than_source() -> None:
    assert n_lines(TESTS) >= 1.1 * n_lines(SOURCE)
