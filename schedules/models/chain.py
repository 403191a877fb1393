"""Chain: a job starts when a run of another job has ended."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from django.db import models
from django.db.models import F

from executions.states import RunStatus
from schedules.models.job import Job


class On(StrEnum):
    """A run that ends with this result starts another job. `completion`: the run succeeded, failed or was cancelled."""

    SUCCESS = "success"
    FAILURE = "failure"
    COMPLETION = "completion"

    @property
    def statuses(self) -> frozenset[RunStatus]:
        """The terminal statuses of a run that count as this result."""
        return _STATUSES[self]


_STATUSES = {
    On.SUCCESS: frozenset({RunStatus.SUCCEEDED}),
    On.FAILURE: frozenset({RunStatus.FAILED}),
    On.COMPLETION: frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED}),
}


class Chain(models.Model):
    """A link of a chain: `job` starts after runs of `source`. Part of the definition of `job`.

    The link is deleted with either of the two jobs.
    """

    # No database constraints: each check would lock the other job's row, and ticks and edits would wait for that lock.
    source = models.ForeignKey(
        Job, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="starts"
    )
    job = models.ForeignKey(
        Job, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="starts_after"
    )
    on = models.CharField(max_length=10, choices=[(on.value, on.capitalize()) for on in On])

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["job", "source"], name="chain_once")]
        # for chains.started_by, which finds the jobs that start after a run has ended
        indexes: ClassVar = [models.Index(F("source"), F("job"), name="chain_source")]
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.job_id} on {self.on} of {self.source_id}"
