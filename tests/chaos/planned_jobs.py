"""Jobs for a chaos test: thousands, whose instants are known by plain addition."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from schedules.jobs import definitions
from schedules.jobs.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

POLICIES = {
    "overlap": "allow",
    "catch_up": {"mode": "all", "max_age": "1h"},
    "retry": {"max_retries": 10, "backoff": "fixed", "delay": "1s"},
}
CYCLE = 10  # of ten jobs, the first is a command, the second calls a slow target, and the third a careless one
CARELESS_POLICIES = {**POLICIES, "timeout": "4s"}


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job and the instants at which it must fire."""

    id: UUID
    is_http: bool
    first_at: datetime
    every: timedelta
    end_at: datetime
    is_careless: bool = False

    def instants(self) -> Iterator[datetime]:
        """Yield its occurrences, by plain addition: the clock under test is not used."""
        at = self.first_at
        while at <= self.end_at:
            yield at
            at += self.every


def make_jobs(n_jobs: int, n_fires: float, first_at: datetime, end_at: datetime, url: str) -> list[PlannedJob]:
    """Create jobs that together fire `n_fires` times a second, evenly spread from `first_at` to `end_at`."""
    every = timedelta(seconds=round(n_jobs / n_fires))
    now = first_at - timedelta(hours=1)
    planned = []
    with transaction.atomic():
        for number in range(n_jobs):
            anchor_at = first_at + every * number / n_jobs
            target: dict[str, Any] = {"kind": "http", "method": "POST", "url": f"{url}/fast"}
            if number % CYCLE == 0:
                target = {"kind": "command", "name": "demo.echo"}
            elif number % CYCLE == 1:
                target["url"] = f"{url}/slow"
            elif number % CYCLE == 2:
                target["url"] = f"{url}/careless"
            data = {
                "name": f"chaos {number}",
                "schedule": {
                    "every": f"{every.total_seconds():g}s",
                    "anchor_at": anchor_at.isoformat(),
                    "start_at": first_at.isoformat(),
                    "end_at": end_at.isoformat(),
                },
                "target": target,
                "policies": CARELESS_POLICIES if number % CYCLE == 2 else POLICIES,
            }
            job = definitions.create(validate(data, now), now, actor="chaos")
            is_http, is_careless = target["kind"] == "http", number % CYCLE == 2
            planned.append(PlannedJob(job.pk, is_http, anchor_at, every, end_at, is_careless))
    connection.close()  # its server is about to be killed
    return planned
