"""The rows that keep Mainspring itself going: named in `settings.CELERY_BEAT_SCHEDULE`, kept as `PeriodicTask` rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django_celery_beat.models import PeriodicTask

from access.visibility import ENGINE, visible

if TYPE_CHECKING:
    from access.visibility import Caller


def is_housekeeping(name: str) -> bool:
    """Whether the row of this name is one of them."""
    return name in settings.CELERY_BEAT_SCHEDULE


def find_switched_off(caller: Caller = ENGINE) -> list[str]:
    """Return the names of the housekeeping rows that are disabled, in order."""
    rows = visible(PeriodicTask, caller).filter(name__in=settings.CELERY_BEAT_SCHEDULE, enabled=False)
    return sorted(rows.values_list("name", flat=True))
