"""Stoppage: a job whose schedule seems to have stopped. WatchRound: the progress of the watchdog."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class Why(models.TextChoices):
    """Why a schedule seems to have stopped. Each label is a text for operators."""

    NO_NEXT = "no_next", "The job had no next instant, although its schedule has one."
    PUSHED_BACK = (
        "pushed_back",
        "The beat cannot process the job. The event job_pushed_back in the beat's log says why.",
    )
    OVERDUE = "overdue", "The job is overdue, although a beat is running."
    MARK_AHEAD = (
        "mark_ahead",
        "The job's mark was in the future. Without a correction, occurrences up to the mark get no record.",
    )
    GAPS = "gaps", "At least one due occurrence has no record."


class Stoppage(models.Model):
    """A stoppage of one job: found at `found_at`, reported at `raised_at`, over at `over_at`.

    There is no foreign key to the job: a beat must be able to record a stoppage while another process locks the job.
    """

    job_id = models.UUIDField(editable=False)
    why = models.CharField(max_length=12, choices=Why)
    found_at = models.DateTimeField()
    stood_at = models.DateTimeField(
        help_text="The job's mark at `found_at`; for `gaps` and `mark_ahead`, the first occurrence without a record."
    )
    raised_at = models.DateTimeField(null=True)
    is_noted = models.BooleanField(
        db_default=False,
        help_text="Whether an event that records the stoppage has been added to one of the job's runs.",
    )
    over_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["job_id", "why"], name="stoppage_once_at_a_time", condition=Q(over_at__isnull=True)
            )
        ]
        indexes: ClassVar = [
            # for the watchdog's review, and for the overview page
            models.Index(F("found_at"), F("id"), name="stoppage_open", condition=Q(over_at__isnull=True)),
            # for account.stoppages_in
            models.Index(F("job_id"), F("found_at"), name="stoppage_of_job"),
            # for the query PRUNE_STOPPAGES
            models.Index(F("over_at"), F("id"), name="stoppage_over", condition=Q(over_at__isnull=False)),
        ]
        ordering: ClassVar = ["found_at", "id"]

    def __str__(self) -> str:
        return f"{self.get_why_display()} Since {self.found_at}"


class WatchRound(models.Model):
    """The progress of the watchdog's round over all jobs, in a single row."""

    last_job_id = models.UUIDField(help_text="The next pass continues after this job.")
    began_at = models.DateTimeField(help_text="When the present round began.")
    before_at = models.DateTimeField(
        help_text="When the previous round began. The present round covers the time from shortly before this "
        "instant until now."
    )

    def __str__(self) -> str:
        return f"after {self.last_job_id}"
