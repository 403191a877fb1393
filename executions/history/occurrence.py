"""Record: what a run's row says of its occurrence, for who compares rows with the instants that a schedule names. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID


class Record(NamedTuple):
    """A row, as it was read. `status`, `reason` and `origin` are texts: another version may have written them.

    A folded row stands for `n_occurrences`, from `nominal_at` to `last_nominal_at`; of another the two are the same.
    `has_begun`: it was carried out, at least in part, or it still is to be. `planned_at`: when it was to start, where
    that was not its nominal instant.
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
        """From the nominal instant to the first start; None: it never started."""
        return self.started_at - self.nominal_at if self.started_at else None

    @property
    def unplanned_delay(self) -> timedelta | None:
        """From when it was to start, `planned_at` or else its nominal instant, to the first start."""
        return self.started_at - (self.planned_at or self.nominal_at) if self.started_at else None

    @property
    def took(self) -> timedelta | None:
        """From the first start to the end; None before it has ended."""
        return self.finished_at - self.started_at if self.finished_at and self.started_at else None
