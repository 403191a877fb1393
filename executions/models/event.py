"""RunEvent: what happened to a run, one row a transition, appended in the statement that made it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from executions.models.run import Run


class RunEvent(models.Model):
    """`kind` is the status entered, or `cancel_requested`; or what befell the job, told by its latest run:
    `schedule_stopped`. Effects read these rows afterwards.
    """

    run = models.ForeignKey(
        Run, on_delete=models.DO_NOTHING, db_constraint=False, related_name="events", db_index=False
    )
    scope = models.ForeignKey("access.Scope", on_delete=models.PROTECT, db_constraint=False, db_index=False)
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()
    attempt = models.PositiveIntegerField(db_default=0, help_text="Attempts begun by then.")
    reason = models.CharField(max_length=40, blank=True, db_default="")
    actor = models.CharField(
        max_length=150, blank=True, db_default="", help_text="Who asked for it; empty: the engine."
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["run", "id"], name="event_of_run")]
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.kind
