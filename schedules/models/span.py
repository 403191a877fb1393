"""ScheduleSpan: a schedule of a job, and when it applied. The ledger computes the expected occurrences from spans."""

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
    """The schedule of a job's occurrences in (`from_at`, `until_at`]. Written with the job, under the job's row lock.

    There is no foreign key to the job: spans stay when the job is deleted.
    """

    job_id = models.UUIDField(editable=False)
    schedule = models.JSONField()
    from_at = models.DateTimeField(help_text="The job's mark when the schedule became effective.")
    until_at = models.DateTimeField(
        null=True, help_text="Until when the schedule was effective; empty: it is the present schedule."
    )

    class Meta:
        indexes: ClassVar = [
            # for the ledger
            models.Index(F("job_id"), F("from_at"), name="span_of_job"),
            # for the query PRUNE_SPANS
            models.Index(F("until_at"), F("id"), name="span_over", condition=Q(until_at__isnull=False)),
        ]
        ordering: ClassVar = ["from_at", "id"]

    def __str__(self) -> str:
        return f"{self.schedule} from {self.from_at}"


def begin_spans(jobs: Iterable[Job]) -> None:
    """Record that the present schedule of each job applies from the job's mark on."""
    ScheduleSpan.objects.bulk_create(
        ScheduleSpan(job_id=job.pk, schedule=job.schedule, from_at=job.mark_at) for job in jobs
    )


def end_span(job_id: UUID, until_at: datetime) -> None:
    """Record that the job's present schedule ends at this instant. A span that would be empty is deleted."""
    present = ScheduleSpan.objects.filter(job_id=job_id, until_at=None)
    present.filter(from_at__gte=until_at).delete()
    present.update(until_at=until_at)
