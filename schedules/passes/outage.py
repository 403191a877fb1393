"""Says that a store is away: when that begins, every few seconds while it lasts, and when it is over."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from values.database import one_line

log = structlog.get_logger(__name__)

SAID_EVERY = timedelta(seconds=5)


class Outage:
    """One store as one process sees it. `name` is the beginning of the events: `<name>_away`, `<name>_back`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._began_at: datetime | None = None
        self._said_at: datetime | None = None

    def note(self, error: BaseException, now: datetime) -> None:
        """Take a failure; what is new about it, or has not been said for a while, is logged as one line."""
        began_at = self._began_at = self._began_at or now
        if self._said_at is None or now - self._said_at >= SAID_EVERY:
            self._said_at = now
            away_for = round((now - began_at).total_seconds())
            log.warning(f"{self._name}_away", action="beat", for_seconds=away_for, error=one_line(error))

    def end(self, now: datetime) -> None:
        """Note that the store answers."""
        if self._began_at is not None:
            away_for = round((now - self._began_at).total_seconds())
            log.info(f"{self._name}_back", action="beat", for_seconds=away_for)
            self._began_at = self._said_at = None
