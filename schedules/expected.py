"""Which instants a job's schedule named in a range of the past: the one question that backfills ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedules.clock.occurrences import occurrences

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from schedules.models import Job


def expected_instants(job: Job, after: datetime, until: datetime) -> Iterator[datetime]:
    """The instants in (after, until], in order and lazily, by the schedule that the job has now."""
    return occurrences(job.schedule_spec, after, until)
