"""Makes one job by the product's own functions; `seeds.py` multiplies its rows. Run in a process of its own."""

from __future__ import annotations

from datetime import UTC, datetime

from benchmarks.commands import NOOP
from schedules import definitions
from schedules.validation import validate

FAR_AWAY = "2999-01-01T00:00:00Z"

if __name__ == "__main__":
    at = datetime.now(UTC)
    wanted = {"name": "job 0", "schedule": {"at": FAR_AWAY}, "target": {"kind": "command", "name": NOOP}}
    definitions.create(validate(wanted, at), at, actor="bench")
