"""Stoppage: a job whose schedule has silently stopped, or seems to; and how far the watchdog has looked."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class Why(models.TextChoices):
    """What a stopped schedule looks like."""

    NO_NEXT = "no_next", "The clock had no next instant for it, though its schedule names one."
    PUSHED_BACK = "pushed_back", "The clock cannot process it: the log of the beat says why (job_pushed_back)."
    OVERDUE = "overdue", "It is overdue, though beats are alive."
    MARK_AHEAD = "mark_ahead", "Its mark lay in the future, so that instants would have been passed over."
    GAPS = "gaps", "Occurrences that were due have no record."


class Stoppage(models.Model):
    """One incident of one job. Suspected from `found_at`, told from `raised_at`, and over at `over_at`.

    Without a foreign key: a beat that pushes a job back notes it here, and must not wait for the job's row.
    """

    job_id = models.UUIDField(editable=False)
    why = models.CharField(max_length=12, choices=Why)
    found_at = models.DateTimeField()
    stood_at = models.DateTimeField(
        help_text="Where the mark stood then; of gaps, the first occurrence without a record."
    )
    raised_at = models.DateTimeField(null=True)
    is_noted = models.BooleanField(db_default=False, help_text="Told by an event of a run as well.")
    over_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["job_id", "why"], name="stoppage_once_at_a_time", condition=Q(over_at__isnull=True)
            )
        ]
        indexes: ClassVar = [
            # the watchdog, and the admin's first page
            models.Index(F("found_at"), F("id"), name="stoppage_open", condition=Q(over_at__isnull=True)),
            # account.stoppages_in
            models.Index(F("job_id"), F("found_at"), name="stoppage_of_job"),
            # queries.PRUNE_STOPPAGES
            models.Index(F("over_at"), F("id"), name="stoppage_over", condition=Q(over_at__isnull=False)),
        ]
        ordering: ClassVar = ["found_at", "id"]

    def __str__(self) -> str:
        return f"{self.get_why_display()} Since {self.found_at}"


class WatchRound(models.Model):
    """The one row that says how far the watchdog has come in its round over all jobs."""

    last_job_id = models.UUIDField(help_text="The next pass goes on after this job.")
    began_at = models.DateTimeField(help_text="When the present round began.")
    before_at = models.DateTimeField(help_text="When the round before it began: each job was looked at since.")

    def __str__(self) -> str:
        return f"after {self.last_job_id}"
