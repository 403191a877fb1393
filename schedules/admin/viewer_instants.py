"""Reads and writes the dates and times in forms of the admin, in the viewer's time zone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.utils import timezone

from schedules.clock.reading.members import read_instant
from schedules.clock.zones.zones import instants_of

if TYPE_CHECKING:
    from datetime import datetime

# What a browser's date and time field can hold: a local time without an offset.
_LOCAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?")


def read_viewer_instant(label: str, text: str) -> datetime:
    """Return the instant that a text names. A text without an offset is a local time in the viewer's time zone.

    `label`: the field's label in quotation marks.

    Raises ValueError with a sentence for the user if the text does not name exactly one instant. Example: a local time
    that clocks skip or show twice.
    """
    try:
        return read_instant(text, str(timezone.get_current_timezone()))
    except ValueError as error:
        raise ValueError(f"{label} {str(error).rstrip('.')}.") from error


def viewer_text(at: datetime) -> str:
    """Return an instant as the viewer's local time in whole seconds, with the offset if clocks show this time twice."""
    local = timezone.localtime(at).replace(microsecond=0)
    naive = local.replace(tzinfo=None, fold=0)
    is_clear = len(instants_of(naive, str(timezone.get_current_timezone()))) == 1
    return (naive if is_clear else local).isoformat()


def input_type(text: str) -> str:
    """Return the HTML input type for a value: `datetime-local` or `text`.

    An empty value gets `datetime-local`. So does a local time without an offset, if `read_viewer_instant` accepts it
    and a browser's `datetime-local` input can hold it. All other values get `text`. A local time that clocks skip or
    show twice needs an offset, and only an input of the type `text` can hold an offset.
    """
    if not text:
        return "datetime-local"
    try:
        read_viewer_instant("", text)
    except ValueError:
        return "text"
    return "datetime-local" if _LOCAL_TIME.fullmatch(text) else "text"
