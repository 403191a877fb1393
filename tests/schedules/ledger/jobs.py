"""Jobs of the ledger's tests, and changes of their schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schedules.jobs import definitions
from schedules.jobs.validation import validate
from tests.factories import ECHO, HELLO

if TYPE_CHECKING:
    from datetime import datetime

    from schedules.models import Job

ALLOW = {"overlap": "allow", "catch_up": {"mode": "all"}}


def change(job: Job, schedule: dict[str, Any], now: datetime, **definition: Any) -> None:
    """Replace the schedule of a job."""
    data = {"name": job.name, "schedule": schedule, "target": ECHO, "payload": HELLO, **definition}
    definitions.replace(job.pk, validate(data, now, job), now, actor="tests")
