"""The modules that docs/extending.md shows as examples, by the path in their first line."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

_PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
_BLOCK = re.compile(r"^( *)```python\n((?:.*\n)*?)\1```$", re.MULTILINE)


def examples() -> dict[str, str]:
    """Return the source of each example that is a whole module: its first line is a comment with its path."""
    sources = [textwrap.dedent(code) for _, code in _BLOCK.findall(_PAGE.read_text())]
    named = [(re.match(r"# (\S+\.py)\n", source), source) for source in sources]
    return {match[1]: source for match, source in named if match}


KIND = examples()["executions/targets/file.py"]
