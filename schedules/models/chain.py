"""Chain: a job starts when a run of another one has ended."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from django.db import models
from django.db.models import F

from executions.states import RunStatus
from schedules.models.job import Job


class On(StrEnum):
    """Which ends of a run start the other job. A cancelled run is complete, and neither a success nor a failure."""

    SUCCESS = "success"
    FAILURE = "failure"
    COMPLETION = "completion"

    @property
    def statuses(self) -> frozenset[RunStatus]:
        return _STATUSES[self]


_STATUSES = {
    On.SUCCESS: frozenset({RunStatus.SUCCEEDED}),
    On.FAILURE: frozenset({RunStatus.FAILED}),
    On.COMPLETION: frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED}),
}


class Chain(models.Model):
    """Written with the definition of the job that starts. It goes when either of the two jobs is deleted."""

    # Without constraints: their checks would wait for whoever has the other job's row, and be waited for.
    source = models.ForeignKey(
        Job, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="starts"
    )
    job = models.ForeignKey(
        Job, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="starts_after"
    )
    on = models.CharField(max_length=10, choices=[(on.value, on.capitalize()) for on in On])

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["job", "source"], name="chain_once")]
        # what an end leads to
        indexes: ClassVar = [models.Index(F("source"), F("job"), name="chain_source")]
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.job_id} on {self.on} of {self.source_id}"
