"""Keeps the row of this beat in the table of running beats, which readiness and the admin show."""

from __future__ import annotations

from datetime import datetime, timedelta

from schedules.clock.zones.data import OWN_VERSION
from schedules.models import BeatProcess

WRITE_INTERVAL = timedelta(seconds=5)
FORGOTTEN_AFTER = timedelta(hours=1)  # a beat that was killed leaves its row; until then, operators can look at it


class Presence:
    """The row of one beat, by name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._started_at: datetime | None = None
        self._written_at: datetime | None = None
        self._problem = ""

    def note(self, now: datetime, clock_ahead: timedelta, problem: str) -> None:
        """Write the row, if it is older than `WRITE_INTERVAL` or if `problem` has changed.

        `now`: by PostgreSQL's clock. The first call also deletes the rows of beats that have not been seen for an hour.
        """
        is_fresh = self._written_at is not None and self._written_at <= now < self._written_at + WRITE_INTERVAL
        if is_fresh and problem == self._problem:
            return
        if self._started_at is None:
            self._started_at = now
            BeatProcess.objects.filter(seen_at__lt=now - FORGOTTEN_AFTER).delete()
        row = BeatProcess(
            name=self._name,
            started_at=self._started_at,
            seen_at=now,
            clock_ahead=clock_ahead,
            problem=problem,
            zone_data=OWN_VERSION,
        )
        columns = ["started_at", "seen_at", "clock_ahead", "problem", "zone_data"]
        BeatProcess.objects.bulk_create([row], update_conflicts=True, unique_fields=["name"], update_fields=columns)
        self._written_at, self._problem = now, problem

    def end(self) -> None:
        """Delete the row, because the beat stops."""
        BeatProcess.objects.filter(name=self._name).delete()
