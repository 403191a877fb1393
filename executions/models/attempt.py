"""The models `Attempt`, one attempt to execute a run, and `LogLine`, one line of a run's log."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.db import models

from executions.models.run import Run
from executions.states import AttemptStatus, RunStatus
from values.durations import elapsed


class Attempt(models.Model):
    """An ended attempt. The statement that ends the attempt inserts this row. Running attempts are stored in `Run`."""

    run = models.ForeignKey(
        Run, on_delete=models.DO_NOTHING, db_constraint=False, related_name="attempts", db_index=False
    )
    scope = models.ForeignKey("access.Scope", on_delete=models.PROTECT, db_constraint=False, db_index=False)
    number = models.PositiveIntegerField(help_text="From 1.")
    claim_no = models.IntegerField()
    status = models.CharField(max_length=10, choices=[(s, s.capitalize()) for s in AttemptStatus])
    worker = models.CharField(max_length=255, blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    error_code = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    result = models.JSONField(null=True)
    retry_at = models.DateTimeField(null=True, help_text="Planned time of the next attempt.")

    class Meta:
        # The primary key in the database is (run, claim number): it has to contain the partition key.
        ordering: ClassVar = ["number"]

    def __str__(self) -> str:
        return f"Attempt {self.number}: {self.status}"

    @property
    def is_running(self) -> bool:
        """Whether the attempt is running. A running attempt has no row (see `all_attempts`) and no duration."""
        return self.finished_at is None

    @property
    def duration(self) -> timedelta:
        return elapsed(self.started_at, self.finished_at)


def all_attempts(run: Run) -> list[Attempt]:
    """Return the attempts of a run, oldest first. A running attempt is added as an unsaved object."""
    attempts = list(run.attempts.all())
    if run.status == RunStatus.RUNNING:
        present = {"number": run.n_attempts, "status": run.status, "worker": run.worker, "started_at": run.attempt_at}
        attempts.append(Attempt(run=run, **present))
    return attempts


class LogLine(models.Model):
    run = models.ForeignKey(
        Run, on_delete=models.DO_NOTHING, db_constraint=False, related_name="log_lines", db_index=False
    )
    attempt = models.PositiveIntegerField()
    at = models.DateTimeField()
    level = models.CharField(max_length=10)
    message = models.TextField()

    class Meta:
        # The primary key in the database is (run, id): it has to contain the partition key.
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.message
