"""Housekeeping: the `PeriodicTask` rows that Mainspring itself needs. `settings.CELERY_BEAT_SCHEDULE` lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django_celery_beat.models import PeriodicTask

from access.visibility import ENGINE, visible

if TYPE_CHECKING:
    from access.visibility import Caller


def is_housekeeping(name: str) -> bool:
    """Whether the `PeriodicTask` row with this name is a housekeeping row."""
    return name in settings.CELERY_BEAT_SCHEDULE


def find_switched_off(caller: Caller = ENGINE) -> list[str]:
    """Return the names of the housekeeping rows that somebody has disabled, sorted."""
    rows = visible(PeriodicTask, caller).filter(name__in=settings.CELERY_BEAT_SCHEDULE, enabled=False)
    return sorted(rows.values_list("name", flat=True))
