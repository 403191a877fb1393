"""What the plan of a query (EXPLAIN ANALYZE) says about the rows that PostgreSQL read."""

from __future__ import annotations

from typing import Any


def most_read(node: dict[str, Any]) -> int:
    """Return the largest number of run rows that one node of a plan read."""
    reads_runs = str(node.get("Relation Name")).startswith("executions_run_")
    here = int(node["Actual Rows"]) + int(node.get("Rows Removed by Filter", 0)) if reads_runs else 0
    return max([here * int(node["Actual Loops"]), *(most_read(part) for part in node.get("Plans", []))])
