"""What PostgreSQL read to answer a query, as it says itself (EXPLAIN ANALYZE)."""

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
LOOKED_AT = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
FEW = 100  # rows of a partition that is nearly empty
TABLES = ("schedules_job", "executions_run", "executions_runspec")


@dataclass(slots=True)
class Reading:
    """Over all queries of a page: rows looked at, most rows that were sorted, tables that were read whole."""

    n_rows: int = 0
    n_sorted: int = 0
    whole: list[str] = field(default_factory=list)

    def add(self, node: dict[str, Any]) -> None:
        parts = node.get("Plans", [])
        if "Relation Name" in node:  # a scan of a table; of one by bitmap, the part that reads rows
            n_rows = round(sum(node.get(name, 0) for name in LOOKED_AT) * node["Actual Loops"])
            self.n_rows += n_rows
            table = PARTITION.sub("", node["Relation Name"])
            if node["Node Type"] == "Seq Scan" and table in TABLES and n_rows > FEW:
                self.whole.append(node["Relation Name"])
        if node["Node Type"] == "Sort":
            self.n_sorted = max(self.n_sorted, round(parts[0]["Actual Rows"] * parts[0]["Actual Loops"]))
        for part in parts:
            self.add(part)


def read_for(get: Callable[[str], Any], address: str) -> tuple[Any, Reading]:
    """Get a page, which must come through; returns the answer with what was read for it."""
    with CaptureQueriesContext(connection) as captured:
        answer = get(address)
    assert answer.status_code == 200, answer.status_code
    reading = Reading()
    for query in captured.captured_queries:
        if query["sql"].lstrip("(").startswith("SELECT") and any(table in query["sql"] for table in TABLES):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query['sql'].replace('%', '%%')}", [])
                plan = cursor.fetchone()[0]
            reading.add((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
    return answer, reading
