"""BeatLease: which beat fires the PeriodicTask rows now."""

from __future__ import annotations

from django.db import models


class BeatLease(models.Model):
    """A named lease of a beat, valid until `expires_at`. The query `queries.TAKE_LEASE` acquires and renews it."""

    name = models.CharField(primary_key=True, max_length=50)
    holder = models.CharField(max_length=255)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"
