"""Creates one job of each target kind with Mainspring's own functions; `seeds.py` copies their rows."""

from __future__ import annotations

from datetime import UTC, datetime

from benchmarks.product.command_names import NOOP
from schedules.jobs import definitions
from schedules.jobs.validation import validate

FAR_AWAY = "2999-01-01T00:00:00Z"  # never due during a measurement
TARGETS = ({"kind": "command", "name": NOOP}, {"kind": "http", "url": "http://127.0.0.1:1/"})

if __name__ == "__main__":
    at = datetime.now(UTC)
    for target in TARGETS:
        wanted = {"name": f"{target['kind']} job", "schedule": {"at": FAR_AWAY}, "target": target}
        definitions.create(validate(wanted, at), at, actor="bench")
