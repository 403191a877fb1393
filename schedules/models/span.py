"""ScheduleSpan: a schedule of a job, and when it applied. The ledger computes the expected occurrences from spans."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import F, Q

from schedules.models.zone_data import MAX_ZONE_DATA_LENGTH
from schedules.stored import read_clock

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from schedules.clock.rule_change import Clock
    from schedules.models.job import Job


class ScheduleSpan(models.Model):
    """The schedule of a job's occurrences in (`from_at`, `until_at`]. Written with the job, under the job's row lock.

    A change of the time zone data also begins a new span, whose `from_at` may be a few hours before the end of the
    previous span.

    There is no foreign key to the job: spans stay when the job is deleted.
    """

    job_id = models.UUIDField(editable=False)
    schedule = models.JSONField()
    from_at = models.DateTimeField(help_text="The job's mark when the schedule became effective.")
    until_at = models.DateTimeField(
        null=True, help_text="Until when the schedule was effective; empty: it is the present schedule."
    )

    zone_data = models.CharField(
        max_length=MAX_ZONE_DATA_LENGTH,
        db_default="",
        help_text="The version of the time zone data by which the schedule named its occurrences.",
    )
    holds = models.JSONField(
        null=True,
        help_text="If the span began with a change of the time zone data: for each schedule the instant from which on "
        "it named occurrences; empty: all did so from the start.",
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

    @property
    def clock(self) -> Clock:
        """The version of the time zone data by which the occurrences are computed, and from when on."""
        return read_clock(self.zone_data, self.holds and json.dumps(self.holds))


def begin_spans(jobs: Iterable[Job]) -> None:
    """Record that the present schedule of each job applies from the job's mark on."""
    ScheduleSpan.objects.bulk_create(
        ScheduleSpan(job_id=job.pk, schedule=job.schedule, from_at=job.mark_at, zone_data=job.zone_data) for job in jobs
    )


def end_span(job_id: UUID, until_at: datetime) -> None:
    """Record that the job's present schedule ends at this instant. A span that would be empty is deleted."""
    present = ScheduleSpan.objects.filter(job_id=job_id, until_at=None)
    present.filter(from_at__gte=until_at).delete()
    present.update(until_at=until_at)
