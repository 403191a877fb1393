"""Rows that PostgreSQL reads for a page, from EXPLAIN ANALYZE of its queries."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

if TYPE_CHECKING:
    from collections.abc import Callable

PARTITION = re.compile(r"_(other|\d{8})$")
READ = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
FEW = 100  # rows: a sequential scan of such a small partition is fine
TABLES = ("schedules_job", "executions_run", "executions_runspec")


@dataclass(slots=True)
class RowsRead:
    """Totals of all queries of a page: rows read, most rows sorted at once, tables that were read whole."""

    n_rows: int = 0
    n_sorted: int = 0
    whole: list[str] = field(default_factory=list)

    def add(self, node: dict[str, Any]) -> None:
        parts = node.get("Plans", [])
        if "Relation Name" in node:  # a scan; of a bitmap scan, the part that reads rows
            n_rows = round(sum(node.get(name, 0) for name in READ) * node["Actual Loops"])
            self.n_rows += n_rows
            table = PARTITION.sub("", node["Relation Name"])
            if node["Node Type"] == "Seq Scan" and table in TABLES and n_rows > FEW:
                self.whole.append(node["Relation Name"])
        if node["Node Type"] == "Sort":
            self.n_sorted = max(self.n_sorted, round(parts[0]["Actual Rows"] * parts[0]["Actual Loops"]))
        for part in parts:
            self.add(part)


def read_for(get: Callable[[str], Any], address: str) -> tuple[Any, RowsRead]:
    """Get a page and assert that it is a 200. Return the response and the rows that were read for it."""
    with CaptureQueriesContext(connection) as captured:
        answer = get(address)
    assert answer.status_code == 200, answer.status_code
    total = RowsRead()
    for query in captured.captured_queries:
        if query["sql"].lstrip("(").startswith("SELECT") and any(table in query["sql"] for table in TABLES):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query['sql'].replace('%', '%%')}", [])
                plan = cursor.fetchone()[0]
            total.add((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
    return answer, total
