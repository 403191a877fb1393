"""ScheduleSpan: which schedule a job had, and from when until when. What was expected of a job follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.db.models import F, Q

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


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


def begin_span(job_id: UUID, schedule: dict[str, Any], from_at: datetime) -> None:
    """Note that a job has this schedule from now on; its first occurrence is the first one after `from_at`."""
    ScheduleSpan.objects.create(job_id=job_id, schedule=schedule, from_at=from_at)


def end_span(job_id: UUID, until_at: datetime) -> None:
    """Note that the schedule which a job has counts until this instant, and no further."""
    present = ScheduleSpan.objects.filter(job_id=job_id, until_at=None)
    present.filter(from_at__gte=until_at).delete()
    present.update(until_at=until_at)
