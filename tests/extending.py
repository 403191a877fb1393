"""The examples of docs/extending.md: whole modules, by the path in their first line, and lines to add."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

_PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
_BLOCK = re.compile(r"^( *)```python\n((?:.*\n)*?)\1```$", re.MULTILINE)
_PATH = re.compile(r"# (\S+\.py)\n")


def examples() -> dict[str, str]:
    """Return the source of each example that is a whole module: its first line is a comment with its path."""
    named = [(_PATH.match(source), source) for source in _sources()]
    return {match[1]: source for match, source in named if match}


def lines_with(text: str) -> str:
    """Return the example that is not a module, but lines to add to one, and that has this text."""
    (found,) = (lines for lines in lines_to_add() if text in lines)
    return found


def lines_to_add() -> list[str]:
    """Return the examples that are not modules."""
    return [source for source in _sources() if not _PATH.match(source)]


def _sources() -> list[str]:
    return [textwrap.dedent(code) for _, code in _BLOCK.findall(_PAGE.read_text())]


KIND = examples()["executions/targets/file.py"]
