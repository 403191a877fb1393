"""The arguments and results of transitions: a run to create or publish, a claim, its renewal, an attempt's ending."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from executions.policies.limits import Priority
from executions.states import AttemptStatus, Origin, Reason, RunStatus

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be created: skipped if it has a `reason`, held if it is buffered or has a limit, otherwise queued."""

    scope_id: int
    job_id: UUID
    spec_id: int
    nominal_at: datetime
    origin: Origin = Origin.SCHEDULE
    reason: Reason | None = None
    last_nominal_at: datetime | None = None
    n_occurrences: int = 1
    retry_of: UUID | None = None
    caused_by: UUID | None = None
    backfill_id: UUID | None = None
    available_at: datetime | None = None  # None: now
    # What prevents the start of a held run, until `admission.admit` queues the run.
    is_buffered: bool = False  # held until the job has no other active run
    concurrency_key: str = ""
    rate_key: str = ""
    terms: str = ""  # `limits.terms` of the two limits
    priority: Priority = Priority.MEDIUM
    expires_at: datetime | None = None

    @property
    def status(self) -> RunStatus:
        if self.reason:
            return RunStatus.SKIPPED
        is_held = self.is_buffered or self.concurrency_key or self.rate_key
        return RunStatus.HELD if is_held else RunStatus.QUEUED

    def is_due(self, now: datetime) -> bool:
        """Return whether the run may be published now."""
        return self.status is RunStatus.QUEUED and (self.available_at is None or self.available_at <= now)


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's right to execute one attempt of a run, with all data that the attempt needs."""

    run_id: UUID
    claim_no: int
    attempt: int
    n_lost: int
    nominal_at: datetime  # for a manual retry: the instant of the original run
    job_name: str
    target_kind: str
    target: dict[str, Any]
    payload: Any
    policies: str  # JSON, as stored


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended, and the run's new status. `retry_at` is set if the new status is retrying or queued.

    A run with a stop request is not retried: it becomes cancelled instead of retrying or queued.
    """

    run_id: UUID
    claim_no: int
    status: RunStatus
    attempt_status: AttemptStatus
    error_code: str = ""
    error: str = ""
    result: Any = None
    retry_at: datetime | None = None
    began_at: datetime | None = None  # when the attempt started; None: the time of the claim
    ended_at: datetime | None = None  # when the attempt ended; None: the time at which this ending is written


@dataclass(frozen=True, slots=True)
class Renewal:
    """The result of a heartbeat. `held`: claims that are still valid. `cancelled`: valid claims with a stop request."""

    held: frozenset[tuple[UUID, int]]
    cancelled: frozenset[tuple[UUID, int]]


@dataclass(frozen=True, slots=True)
class DueRun:
    """A queued run to be published."""

    run_id: UUID
    claim_no: int
    job_name: str
    target_kind: str
    target: str  # JSON, as stored
    policies: str  # JSON, as stored
