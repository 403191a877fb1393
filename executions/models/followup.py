"""What is to be looked at after a run has ended or is held: followed up by the beats, row by row."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F

from executions.policies.limits import STORED_LIMIT_KEY_LENGTH


class Followup(models.Model):
    """Written by the statement that ends or holds a run, so that it can't be lost; deleted with what follows from it.

    `run_id` is there when a run has ended. What waits for the job, or for one of the keys, may start now.
    """

    job_id = models.UUIDField()
    run_id = models.UUIDField(null=True)
    concurrency_key = models.CharField(max_length=STORED_LIMIT_KEY_LENGTH, blank=True, db_default="")
    rate_key = models.CharField(max_length=STORED_LIMIT_KEY_LENGTH, blank=True, db_default="")
    due_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(F("due_at"), F("id"), name="followup_due")]

    def __str__(self) -> str:
        return f"{self.job_id} at {self.due_at}"


class Watch(models.Model):
    """A job of which something follows when one of its runs ends. Few are, so the end of a run costs no more."""

    job_id = models.UUIDField(primary_key=True)

    def __str__(self) -> str:
        return str(self.job_id)


class RateState(models.Model):
    """Where the rate of a key stands: its theoretical arrival time (`limits.admit_at`)."""

    key = models.CharField(primary_key=True, max_length=STORED_LIMIT_KEY_LENGTH)
    arrives_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key
