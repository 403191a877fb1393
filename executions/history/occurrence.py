"""Pure: Record, the row of an occurrence as the ledger reads it, to compare it with the instants of the schedule."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID


class Record(NamedTuple):
    """One row. `status`, `reason` and `origin` are plain texts: another version of the code may have written them.

    A folded row stands for `n_occurrences` from `nominal_at` to `last_nominal_at`; in other rows the two are equal.
    `has_begun`: the run started, or is still live. `planned_at`: the planned start, if it is not the nominal instant.
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
        """Time from the nominal instant to the first start; None if the run has not started."""
        return self.started_at - self.nominal_at if self.started_at else None

    @property
    def unplanned_delay(self) -> timedelta | None:
        """Time from the planned start, or else the nominal instant, to the first start; None before the first start."""
        return self.started_at - (self.planned_at or self.nominal_at) if self.started_at else None

    @property
    def took(self) -> timedelta | None:
        """Time from the first start to the end; None if the run has not ended."""
        return self.finished_at - self.started_at if self.finished_at and self.started_at else None
