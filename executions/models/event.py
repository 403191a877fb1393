"""The model `RunEvent`. The statement that changes a run's status also inserts the event."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from executions.models.run import Run


class RunEvent(models.Model):
    """An event of a run. `kind` is `cancel_requested`, `schedule_stopped` or the run's new status.

    `schedule_stopped` is an event of the whole job, stored with one of its runs.
    """

    run = models.ForeignKey(
        Run, on_delete=models.DO_NOTHING, db_constraint=False, related_name="events", db_index=False
    )
    scope = models.ForeignKey("access.Scope", on_delete=models.PROTECT, db_constraint=False, db_index=False)
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()
    attempt = models.PositiveIntegerField(
        db_default=0, help_text="Number of attempts that had started when this event was recorded."
    )
    reason = models.CharField(max_length=40, blank=True, db_default="")
    actor = models.CharField(
        max_length=150, blank=True, db_default="", help_text="Who caused the event; empty if Mainspring itself did."
    )

    class Meta:
        # The primary key in the database is (run, id): it has to contain the partition key.
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.kind
