"""Follow-ups, the jobs whose runs need follow-ups, and the states of rate limits.

A `Followup` is work for a beat after a run has ended, or while a run is held. A `Watch` names a job that needs a
follow-up whenever one of its runs ends. A `RateState` stores how much of a rate limit is used.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F

from executions.policies.limits import STORED_LIMIT_KEY_LENGTH


class Followup(models.Model):
    """Work for a beat: start held runs of this job, or with one of the two keys, if limits allow.

    `run_id`: the ended run for which the beat calls the reactions, or None.

    This table is an outbox. The statement that ends or holds a run also inserts the run's follow-up, if the run needs
    one. A rate limit may add a follow-up that is due later. The transaction that handles a follow-up deletes or
    postpones the follow-up. So neither a crash nor a lost message can lose a follow-up.
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
    """A job that needs a follow-up whenever one of its runs ends. Most jobs need no follow-ups."""

    job_id = models.UUIDField(primary_key=True)

    def __str__(self) -> str:
        return str(self.job_id)


class RateState(models.Model):
    """The state of a key's rate limit: its theoretical arrival time (`limits.admit_at`)."""

    key = models.CharField(primary_key=True, max_length=STORED_LIMIT_KEY_LENGTH)
    arrives_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key
