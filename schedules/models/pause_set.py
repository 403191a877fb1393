"""PauseSet: a pause of all jobs that a filter matched. Undoing the pause set resumes those jobs."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from schedules.clock.policies.resumption import DEFAULT_MAX_STARTS, Resumption
from schedules.models.job import MAX_PAUSE_REASON_LENGTH
from values.ids import new_id

RESUMPTION_CHOICES = [(r, r.capitalize()) for r in Resumption]


class PauseSetState(models.TextChoices):
    PAUSING = "pausing", "Pausing"
    PAUSED = "paused", "Paused"
    UNDOING = "undoing", "Undoing"
    UNDONE = "undone", "Undone"


class PauseSet(models.Model):
    """A pause of many jobs. Each job that the set still pauses has the set's id in `Job.pause_set_id`.

    Jobs are paused in the order of their ids. The jobs up to `cursor_id` have been handled.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    scope = models.ForeignKey("access.Scope", on_delete=models.PROTECT, db_index=False)
    actor = models.CharField(max_length=150)
    reason = models.CharField(max_length=MAX_PAUSE_REASON_LENGTH, blank=True)
    until_at = models.DateTimeField(null=True)
    catch_up = models.CharField(max_length=5, choices=RESUMPTION_CHOICES, default=Resumption.NONE)
    selection = models.JSONField()
    created_at = models.DateTimeField()

    state = models.CharField(max_length=7, choices=PauseSetState, default=PauseSetState.PAUSING)
    due_at = models.DateTimeField(null=True, help_text="When the next step is due; empty: no step is due.")
    cursor_id = models.UUIDField(null=True)
    n_jobs = models.PositiveIntegerField(help_text="Jobs that the filter matched when the set was created.")
    n_paused = models.PositiveIntegerField(default=0)
    n_resumed = models.PositiveIntegerField(default=0)
    undone_by = models.CharField(max_length=150, blank=True)
    undone_at = models.DateTimeField(null=True)
    undo_catch_up = models.CharField(max_length=5, choices=RESUMPTION_CHOICES, default=Resumption.NONE)
    undo_max_runs = models.PositiveIntegerField(default=DEFAULT_MAX_STARTS)

    class Meta:
        indexes: ClassVar = [
            # for the queries LOCK_DUE_PAUSE_SET and NEXT_PAUSE_SET
            models.Index(F("due_at"), F("id"), name="pause_set_due", condition=Q(due_at__isnull=False)),
        ]
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.n_jobs} jobs by {self.actor} at {self.created_at}"
