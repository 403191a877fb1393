"""ZoneData: a version of the time zone data. ZoneDataInForce: the version that jobs follow, and the change to it."""

from __future__ import annotations

from uuid import UUID

from django.db import models

MAX_ZONE_DATA_LENGTH = 20  # characters of a version such as `2026f`


class ZoneData(models.Model):
    """The rules of all time zones in one version, as `schedules.clock.zones.data.pack` returns them.

    Versions are kept, because the clocks of jobs and the ledger refer to them: there are about five a year.
    The version "" is what the machine had before Mainspring stored versions.
    """

    version = models.CharField(primary_key=True, max_length=MAX_ZONE_DATA_LENGTH)
    rules = models.BinaryField()
    stored_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.version


class ZoneDataInForce(models.Model):
    """The only row, with `id` 1: the version in force, and how far the next instants of all jobs are recomputed."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    version = models.CharField(max_length=MAX_ZONE_DATA_LENGTH)
    since_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, help_text="When the next step is due; empty: all rounds are done.")
    last_job_id = models.UUIDField(default=UUID(int=0), help_text="Jobs up to this id are done in this round.")
    n_rounds = models.PositiveSmallIntegerField(default=0)
    n_checked = models.PositiveIntegerField(default=0, help_text="Jobs checked in this round.")
    n_moved = models.PositiveIntegerField(default=0, help_text="Jobs that got another next instant in this round.")

    def __str__(self) -> str:
        return self.version
