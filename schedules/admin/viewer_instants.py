"""Reads the dates and times that a user enters in a form of the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from schedules.clock.reading.members import read_instant

if TYPE_CHECKING:
    from datetime import datetime


def read_viewer_instant(label: str, text: str) -> datetime:
    """Return the instant that a text names in the viewer's time zone. `label`: the field's label in quotation marks.

    Raises ValueError with a sentence for the user, also if clocks skip the local time or show it twice.
    """
    try:
        return read_instant(text, str(timezone.get_current_timezone()))
    except ValueError as error:
        raise ValueError(f"{label} {str(error).rstrip('.')}.") from error
