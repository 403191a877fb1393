"""Logs outages of the database and the broker: at the beginning of an outage, every few seconds, and at the end."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from values.database import one_line

log = structlog.get_logger(__name__)

LOG_INTERVAL = timedelta(seconds=5)  # the beat fails about once a second during an outage


class Outage:
    """The outages of one store (the database or the broker), as this process sees them.

    `name`: the name of the store. The log events of an outage are `<name>_away` and `<name>_back`.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._began_at: datetime | None = None
        self._logged_at: datetime | None = None

    def note(self, error: BaseException, now: datetime) -> None:
        """Record a failure of the store. Log the failure, but at most once per `LOG_INTERVAL`."""
        began_at = self._began_at = self._began_at or now
        if self._logged_at is None or now - self._logged_at >= LOG_INTERVAL:
            self._logged_at = now
            away_for = round((now - began_at).total_seconds())
            log.warning(f"{self._name}_away", action="beat", for_seconds=away_for, error=one_line(error))

    def end(self, now: datetime) -> None:
        """End the outage, if there is one, because the store answers again."""
        if self._began_at is not None:
            away_for = round((now - self._began_at).total_seconds())
            log.info(f"{self._name}_back", action="beat", for_seconds=away_for)
            self._began_at = self._logged_at = None
