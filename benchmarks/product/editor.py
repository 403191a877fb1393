"""Edits Mainspring's jobs with the functions that its API calls (`editor_protocol.py`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.editor_protocol import serve
from benchmarks.product.command_names import NOOP
from benchmarks.seeds import job_id
from schedules.jobs import definitions
from schedules.jobs.validation import validate

MIN_LEAD = timedelta(milliseconds=1)  # the API refuses an `at` in the past, so jobs are due in a millisecond
FAR_AWAY = "2999-01-01T00:00:00Z"  # never due during a measurement


def wanted(name: str, at: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "schedule": {"at": at}, "target": {"kind": "command", "name": NOOP}, **more}


def create(number: int) -> None:
    now = datetime.now(UTC)
    definition = validate(wanted(f"new {number}", (now + MIN_LEAD).isoformat()), now)
    definitions.create(definition, now, actor="bench")


def change(number: int) -> None:
    now = datetime.now(UTC)
    definition = validate(wanted(f"job {number}", (now + MIN_LEAD).isoformat()), now)
    definitions.replace(job_id(number), definition, now, actor="bench")


def touch(number: int) -> None:
    """Change the description, which makes a new version of the definition; the job stays due in the year 2999."""
    now = datetime.now(UTC)
    definition = validate(wanted(f"job {number} again", FAR_AWAY, description=f"edited {now}"), now)
    definitions.replace(job_id(number), definition, now, actor="bench")


if __name__ == "__main__":
    serve(create, change, touch)
