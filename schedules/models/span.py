"""ScheduleSpan: which schedule a job had, and from when until when. What was expected of a job follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import F, Q

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from schedules.models.job import Job


class ScheduleSpan(models.Model):
    """Occurrences in (`from_at`, `until_at`] followed this schedule. Written with the job, under its lock.

    Without a foreign key: history outlives its job.
    """

    job_id = models.UUIDField(editable=False)
    schedule = models.JSONField()
    from_at = models.DateTimeField(help_text="The mark from which it counts.")
    until_at = models.DateTimeField(null=True, help_text="When another schedule, or deletion, took its place.")

    class Meta:
        indexes: ClassVar = [
            models.Index(F("job_id"), F("from_at"), name="span_of_job"),
            # queries.PRUNE_SPANS
            models.Index(F("until_at"), F("id"), name="span_over", condition=Q(until_at__isnull=False)),
        ]
        ordering: ClassVar = ["from_at", "id"]

    def __str__(self) -> str:
        return f"{self.schedule} from {self.from_at}"


def begin_spans(jobs: Iterable[Job]) -> None:
    """Note that these have their schedules from their marks on: their first occurrences are the first ones after those."""
    ScheduleSpan.objects.bulk_create(
        ScheduleSpan(job_id=job.pk, schedule=job.schedule, from_at=job.mark_at) for job in jobs
    )


def end_span(job_id: UUID, until_at: datetime) -> None:
    """Note that the schedule which a job has counts until this instant, and no further."""
    present = ScheduleSpan.objects.filter(job_id=job_id, until_at=None)
    present.filter(from_at__gte=until_at).delete()
    present.update(until_at=until_at)
