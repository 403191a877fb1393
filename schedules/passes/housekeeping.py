"""Housekeeping: the `PeriodicTask` rows that Mainspring itself needs, named in `settings.CELERY_BEAT_SCHEDULE`."""

from __future__ import annotations

from django.conf import settings
from django_celery_beat.models import PeriodicTask


def is_housekeeping(name: str) -> bool:
    """Whether the `PeriodicTask` row of this name is a housekeeping row."""
    return name in settings.CELERY_BEAT_SCHEDULE


def find_switched_off() -> list[str]:
    """Return the names of the housekeeping rows that somebody has disabled, sorted."""
    rows = PeriodicTask.objects.filter(name__in=settings.CELERY_BEAT_SCHEDULE, enabled=False)
    return sorted(rows.values_list("name", flat=True))
