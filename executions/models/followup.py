"""What follows the runs: follow-ups, the jobs that need them, and the state of rate limits.

A `Followup` is work for a beat after a run has ended, or while one is held. A `Watch` names a job that needs a follow-up
when one of its runs ends. A `RateState` says how much of a rate limit is used up.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F

from executions.policies.limits import STORED_LIMIT_KEY_LENGTH


class Followup(models.Model):
    """A note that held runs of this job, or with one of the keys, may start. `run_id` is set if a run has ended.

    An outbox: written by the statement that ends or holds a run, and deleted by the transaction that handles it, so
    neither a crash nor a lost message can lose it.
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
    """A job that needs a follow-up when one of its runs ends. Most jobs do not, so their runs end without one."""

    job_id = models.UUIDField(primary_key=True)

    def __str__(self) -> str:
        return str(self.job_id)


class RateState(models.Model):
    """The state of a key's rate limit: its theoretical arrival time (`limits.admit_at`)."""

    key = models.CharField(primary_key=True, max_length=STORED_LIMIT_KEY_LENGTH)
    arrives_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key
