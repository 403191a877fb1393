"""Backfill: somebody asked for the instants of a range of the past. Its runs are opened bit by bit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import F, Q

from executions.policies import Overlap
from values.ids import uuid7


class BackfillMode(models.TextChoices):
    ALL = "all", "Each instant"
    FAILED = "failed", "What failed or was cancelled"
    MISSING = "missing", "What never started"
    GAPS = "gaps", "What has no record"


class BackfillState(models.TextChoices):
    OPEN = "open", "Going on"
    DONE = "done", "Done"  # every instant was looked at; the last runs may still go on
    CANCELLED = "cancelled", "Cancelled"


def new_backfill_id() -> UUID:
    return uuid7(datetime.now(UTC))


class Backfill(models.Model):
    """Of the job's instants in (`after_at`, `until_at`] those up to `cursor_at` have been looked at.

    Without a foreign key to the job: history outlives it.
    """

    id = models.UUIDField(primary_key=True, default=new_backfill_id, editable=False)
    scope = models.ForeignKey("access.Scope", on_delete=models.PROTECT, db_index=False)
    job_id = models.UUIDField(editable=False)
    job_name = models.CharField(max_length=255)
    actor = models.CharField(max_length=150)
    after_at = models.DateTimeField()
    until_at = models.DateTimeField()
    mode = models.CharField(max_length=7, choices=BackfillMode)
    pace = models.DurationField(null=True, help_text="Between two starts; empty: as many as may.")
    overlap = models.CharField(max_length=15, choices=[(o, o) for o in Overlap])
    max_runs = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField()

    state = models.CharField(max_length=9, choices=BackfillState, db_default=BackfillState.OPEN)
    due_at = models.DateTimeField(null=True, help_text="When the next pass is due; empty: none is.")
    cursor_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    n_instants = models.PositiveIntegerField(help_text="Instants of the range, as far as they were counted.")
    n_opened = models.PositiveIntegerField(default=0, help_text="Runs that were opened, for `max_runs`.")
    n_passed_over = models.PositiveIntegerField(default=0, help_text="Instants that the mode does not ask for.")

    class Meta:
        indexes: ClassVar = [
            # queries.LOCK_DUE_BACKFILL and NEXT_BACKFILL
            models.Index(F("due_at"), F("id"), name="backfill_due", condition=Q(due_at__isnull=False)),
            models.Index(F("job_id"), F("id").desc(), name="backfill_of_job"),
        ]
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.job_name} from {self.after_at} to {self.until_at}"

    @property
    def n_seen(self) -> int:
        """Instants that were looked at."""
        return self.n_opened + self.n_passed_over
