"""The rows that keep Mainspring itself going: named in `settings.CELERY_BEAT_SCHEDULE`, kept as `PeriodicTask` rows."""

from __future__ import annotations

from django.conf import settings
from django_celery_beat.models import PeriodicTask


def is_housekeeping(name: str) -> bool:
    """Whether the row of this name is one of them."""
    return name in settings.CELERY_BEAT_SCHEDULE


def find_switched_off() -> list[str]:
    """Return the names of those that somebody has disabled, in order."""
    rows = PeriodicTask.objects.filter(name__in=settings.CELERY_BEAT_SCHEDULE, enabled=False)
    return sorted(rows.values_list("name", flat=True))
