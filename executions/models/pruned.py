"""The model `PrunedRun`: what is kept of the latest run of a job when retention deletes this run."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models

from executions.states import RunStatus
from values.durations import elapsed

if TYPE_CHECKING:
    from datetime import timedelta
    from uuid import UUID

MAX_ERROR_LENGTH = 500  # characters; the whole error was in the run


class PrunedRun(models.Model):
    """The latest started run of a job that retention has deleted. There is no row for a deleted job."""

    job_id = models.UUIDField(primary_key=True, editable=False)
    scope = models.ForeignKey("access.Scope", on_delete=models.PROTECT, db_constraint=False, db_index=False)
    run_id = models.UUIDField()
    nominal_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=[(s, s.capitalize()) for s in RunStatus])
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    error_code = models.CharField(max_length=40, blank=True, db_default="")
    error = models.CharField(max_length=MAX_ERROR_LENGTH, blank=True, db_default="")

    cancel_requested_at: ClassVar[None] = None  # a deleted run has ended

    def __str__(self) -> str:
        return f"{self.job_id} at {self.nominal_at}"

    @property
    def duration(self) -> timedelta:
        """Time from the start of the first attempt to the end of the run."""
        return elapsed(self.started_at, self.finished_at)


def forget(job_id: UUID) -> None:
    """Delete what is left of the deleted runs of a job."""
    PrunedRun.objects.filter(job_id=job_id).delete()
