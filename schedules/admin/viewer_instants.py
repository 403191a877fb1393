"""Reads the instants that somebody types into a form of the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from schedules.clock.reading.members import read_instant

if TYPE_CHECKING:
    from datetime import datetime


def read_viewer_instant(label: str, text: str) -> datetime:
    """Read an instant in the viewer's time zone. `label` names the field, as in “The start”.

    Raises ValueError with a sentence for the user, also for a local time that clocks skip or show twice.
    """
    try:
        return read_instant(text, str(timezone.get_current_timezone()))
    except ValueError as error:
        raise ValueError(f"{label} {str(error).rstrip('.')}.") from error
