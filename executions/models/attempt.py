"""Attempt: one try of a run. LogLine: a line of its log."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.db import models

from executions.models.run import Run
from executions.states import AttemptStatus, RunStatus


class Attempt(models.Model):
    """Written when the attempt has ended, by the statement that ends it. The present attempt is on its run's row."""

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
    retry_at = models.DateTimeField(null=True, help_text="When the run was to be retried.")

    class Meta:
        # The primary key in the database is (run, claim number): it has to contain the partition key.
        ordering: ClassVar = ["number"]

    def __str__(self) -> str:
        return f"Attempt {self.number}: {self.status}"

    @property
    def is_running(self) -> bool:
        """Whether the attempt is still running. Only the attempt that `all_attempts` adds is; it has no duration."""
        return self.finished_at is None

    @property
    def duration(self) -> timedelta:
        return self.finished_at - self.started_at


def all_attempts(run: Run) -> list[Attempt]:
    """Return the attempts of a run, oldest first. Adds the running one, unsaved: its row is written when it ends."""
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
