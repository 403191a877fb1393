"""Pure: `Record`, the columns of a run that the ledger compares with the instants of the schedule."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from values.durations import elapsed


class Record(NamedTuple):
    """A run's row. `status`, `reason` and `origin` are plain strings, because another version may have written them.

    A folded row covers `n_occurrences` occurrences, from `nominal_at` to `last_nominal_at`. In other rows these two
    instants are equal. `has_begun`: whether the run is live (queued, running and so on) or has started.
    `planned_at`: the planned start if jitter or the pace of a catch-up delays the run, otherwise None.
    """

    run_id: UUID
    origin: str
    nominal_at: datetime
    last_nominal_at: datetime
    n_occurrences: int
    status: str
    reason: str
    started_at: datetime | None
    finished_at: datetime | None
    n_attempts: int
    error_code: str
    has_begun: bool
    planned_at: datetime | None

    @property
    def start_delay(self) -> timedelta | None:
        """Time from the nominal instant to the first attempt; None before the first attempt."""
        return elapsed(self.nominal_at, self.started_at) if self.started_at else None

    @property
    def unplanned_delay(self) -> timedelta | None:
        """Time from the planned start to the first attempt.

        If the run has no planned start, the time counts from the nominal instant. None before the first attempt.
        """
        return elapsed(self.planned_at or self.nominal_at, self.started_at) if self.started_at else None

    @property
    def took(self) -> timedelta | None:
        """Time from the first attempt to the end of the run; None if the run never started or has not ended."""
        return elapsed(self.started_at, self.finished_at) if self.finished_at and self.started_at else None
