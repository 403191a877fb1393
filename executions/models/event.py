"""RunEvent: one row per status change of a run, inserted by the statement that changes the status."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from executions.models.run import Run


class RunEvent(models.Model):
    """`kind`: the new status, `cancel_requested`, or `schedule_stopped`, an event of the job stored with a run."""

    run = models.ForeignKey(
        Run, on_delete=models.DO_NOTHING, db_constraint=False, related_name="events", db_index=False
    )
    scope = models.ForeignKey("access.Scope", on_delete=models.PROTECT, db_constraint=False, db_index=False)
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()
    attempt = models.PositiveIntegerField(
        db_default=0, help_text="Number of attempts started when this event was recorded."
    )
    reason = models.CharField(max_length=40, blank=True, db_default="")
    actor = models.CharField(
        max_length=150, blank=True, db_default="", help_text="Who caused it; empty: Mainspring itself."
    )

    class Meta:
        # The primary key in the database is (run, id): it has to contain the partition key.
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.kind
