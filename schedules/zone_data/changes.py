"""Stores what a change of the version does to a job: its holds, the end of its schedule span, and a new span."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from schedules.models import ScheduleSpan
from schedules.stored import holds_json
from schedules.zone_data import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schedules.clock.rule_change import Changed
    from schedules.queries import DueJob


def store(changes: Sequence[tuple[DueJob, Changed]]) -> None:
    """Store the changes of these jobs. The caller has locked the jobs, and stores their version itself.

    The ledger evaluates the ended span by the old version, and the new span by the new version.
    """
    if not changes:
        return
    queries.set_holds([(job.id, holds_json(changed.clock)) for job, changed in changes])
    queries.end_spans([(job.id, job.mark_at) for job, _ in changes])
    ScheduleSpan.objects.bulk_create(
        ScheduleSpan(
            job_id=job.id,
            schedule=json.loads(job.schedule),
            from_at=changed.from_at,
            zone_data=changed.since.version,
            holds=holds_json(changed.since),
        )
        for job, changed in changes
    )
