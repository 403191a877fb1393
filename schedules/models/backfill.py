"""Backfill: a request to run a job for past instants of its schedule. Beats open the runs step by step."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from executions.policies import Overlap
from schedules.models.job import MAX_JOB_NAME_LENGTH
from values.ids import new_id


class BackfillMode(models.TextChoices):
    ALL = "all", "All occurrences without a live run"
    FAILED = "failed", "Latest run failed or cancelled"
    MISSING = "missing", "Skipped or without a record"
    GAPS = "gaps", "Without a record (gaps)"


class BackfillState(models.TextChoices):
    OPEN = "open", "Running"
    DONE = "done", "Done"  # no more runs will be opened; the last runs may still be live
    CANCELLED = "cancelled", "Cancelled"


class Backfill(models.Model):
    """A backfill of the instants in (`after_at`, `until_at`]. The instants up to `cursor_at` have been handled.

    There is no foreign key to the job: the backfill stays when the job is deleted.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    scope = models.ForeignKey("access.Scope", on_delete=models.PROTECT, db_index=False)
    job_id = models.UUIDField(editable=False)
    job_name = models.CharField(max_length=MAX_JOB_NAME_LENGTH)
    actor = models.CharField(max_length=150)
    after_at = models.DateTimeField()
    until_at = models.DateTimeField()
    mode = models.CharField(max_length=7, choices=BackfillMode)
    pace = models.DurationField(
        null=True, help_text="Minimum time between the creation of two runs; empty: no minimum."
    )
    overlap = models.CharField(max_length=15, choices=[(o, o) for o in Overlap])
    max_runs = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField()

    state = models.CharField(max_length=9, choices=BackfillState, db_default=BackfillState.OPEN)
    due_at = models.DateTimeField(null=True, help_text="When the next step is due; empty: no step is due.")
    cursor_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    n_instants = models.PositiveIntegerField(help_text="Instants in the range, counted up to a limit.")
    n_opened = models.PositiveIntegerField(default=0, help_text="Runs opened so far; `max_runs` limits them.")
    n_passed_over = models.PositiveIntegerField(
        default=0, help_text="Number of handled instants that the mode does not select."
    )

    class Meta:
        indexes: ClassVar = [
            # for the queries LOCK_DUE_BACKFILL and NEXT_BACKFILL
            models.Index(F("due_at"), F("id"), name="backfill_due", condition=Q(due_at__isnull=False)),
            # for the list of a job's backfills, latest first
            models.Index(F("job_id"), F("id").desc(), name="backfill_of_job"),
        ]
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.job_name} from {self.after_at} to {self.until_at}"

    @property
    def n_seen(self) -> int:
        """Number of instants handled so far: those with a new run, and those that the mode does not select."""
        return self.n_opened + self.n_passed_over
