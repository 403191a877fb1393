"""The shapes of responses: a run in a list; a run with its attempts, events and definition; log lines; commands."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from access.api.schema import DocumentedAs, PageShape, Shape
from executions.history import waiting_reasons
from executions.models.attempt import all_attempts
from executions.policies.limits import Priority
from executions.states import AttemptStatus, Origin, Reason, RunStatus
from executions.targets.registry import AnyTarget, masked
from values.readable import reasons_by_part

if TYPE_CHECKING:
    from executions import models

UNREADABLE = "Members that are null because the stored value cannot be read, each with the reason. Usually empty."


class JobName(Shape):
    """The id and the name of a job. In a run, this is the name in the run's frozen definition."""

    id: UUID
    name: str


class Run(Shape):
    """A run without its attempts, events and definition."""

    id: UUID = Field(description="A UUIDv7 whose timestamp is the nominal instant.")
    job: JobName
    job_version: int = Field(description="Version of the definition that the run was created from.")
    origin: Annotated[Any, DocumentedAs(Origin)] = Field(
        description="What caused the run. A later version of Mainspring may add origins."
    )
    retry_of: UUID | None = Field(
        description="The run that this run repeats; for a retry of a retry, the original run. Null if this run is not "
        "a retry."
    )
    caused_by: UUID | None = Field(
        description="The run whose end caused this run: a run of another job (`start_after`). Null for a run with "
        "another cause, and if the other job's run is hidden from you."
    )
    backfill_id: UUID | None = Field(description="The backfill that created the run; null for other runs.")
    status: RunStatus = Field(
        description="`held`: the run cannot start yet because of other runs of its job, a concurrency limit or a rate "
        "limit. `retrying`: an attempt failed, and the run will be retried. `skipped`: the run never starts; `reason` "
        "says why."
    )
    reason: Annotated[Any, DocumentedAs(Reason | None)] = Field(
        description="Why the run did not start; null unless the status is `skipped`. A later version of Mainspring may "
        "add reasons."
    )
    priority: Priority
    nominal_at: datetime = Field(
        description="The instant of the schedule. For a run by hand or a run with `retry_of`: when the run was "
        "created. For a run with `caused_by`: the end of the run that `caused_by` names. The target of a run with "
        "`retry_of` gets the nominal instant of the original run."
    )
    last_nominal_at: datetime | None = Field(
        description="If several occurrences share this record: the nominal instant of the last one. Otherwise null."
    )
    n_occurrences: int = Field(description="Number of occurrences that share this record.")
    available_at: datetime = Field(
        description="Earliest start of the next attempt. The value stays until another attempt is planned. When a held "
        "run is queued, the present time replaces this value."
    )
    planned_at: datetime | None = Field(
        description="Planned start, if jitter or the pace of a catch-up delays the run; otherwise null."
    )
    expires_at: datetime | None = Field(description="The run does not start after this instant (start deadline).")
    created_at: datetime
    started_at: datetime | None = Field(description="Start of the first attempt.")
    finished_at: datetime | None = Field(description="When the run ended; null if it has not ended.")
    duration_ms: int | None = Field(
        description="Milliseconds from the first attempt to the end of the run, including the delays before retries."
    )
    lateness_ms: int | None = Field(
        description="Milliseconds from the nominal instant to the first attempt, including any planned delay."
    )
    behind_plan_ms: int | None = Field(
        description="Milliseconds from `planned_at` to the first attempt; null without `planned_at`."
    )
    worker: str | None = Field(
        description="The worker that claimed the run last; null if no worker has claimed the run, or if the worker "
        "returned the run before the start."
    )
    n_attempts: int = Field(description="Number of attempts started.")
    error_code: str | None = Field(
        description="Why the latest ended attempt did not succeed, or why the run was terminated, as a code."
    )
    error: str | None = Field(
        description="Why the latest ended attempt did not succeed, or why the run was terminated, as a sentence."
    )
    cancel_requested_at: datetime | None = Field(description="When cancellation of the run was requested.")


class Attempt(Shape):
    """One attempt to execute a run. While the attempt is running, `finished_at` is null."""

    number: int
    status: Annotated[Any, DocumentedAs(AttemptStatus | Literal[RunStatus.RUNNING])] = Field(
        description="How the attempt ended, or `running`. A later version of Mainspring may add statuses."
    )
    worker: str | None
    started_at: datetime | None
    finished_at: datetime | None
    duration_ms: int | None
    error_code: str | None
    error: str | None
    result: Any = Field(description="The target's result. The form of the result depends on the kind of target.")
    retry_at: datetime | None = Field(description="Planned time of the next attempt; null if none is planned.")


class Event(Shape):
    """An event of a run, such as a change of its status."""

    kind: str = Field(
        description="The new status, `cancel_requested`, or `schedule_stopped` (reported by the watchdog)."
    )
    at: datetime
    attempt: int = Field(description="Number of attempts that had started when this event was recorded.")
    reason: str | None
    actor: str | None = Field(description="Who caused the event; null if Mainspring itself did.")


class RunDetail(Run):
    """A run with its attempts, events and definition."""

    waits_for: str | None = Field(
        description="Why a run cannot start yet, as a text: its status is `held`, or it is `queued` and waits in a "
        "worker until other runs to the same host have ended. Null for other runs.",
        examples=["Concurrency limit reached: 1 active run with the key “printer”, at most 1 allowed"],
    )
    target: Annotated[Any, DocumentedAs(AnyTarget | None)] = Field(
        description="The target in the frozen definition. The value of a header is hidden if the header's name looks "
        "like the name of a credential."
    )
    payload: Any
    policies: dict[str, Any] | None
    unreadable: dict[str, str] = Field(description=UNREADABLE)
    attempts: list[Attempt]
    events: list[Event]


class RunPage(PageShape):
    results: list[Run]


class PrunedRun(Shape):
    """What is left of a run that retention has deleted."""

    id: UUID
    nominal_at: datetime
    status: RunStatus
    started_at: datetime
    finished_at: datetime
    duration_ms: int = Field(
        description="Milliseconds from the first attempt to the end of the run, including the delays before retries."
    )
    error_code: str | None
    error: str | None = Field(description="The first 500 characters of the error.")


class JobRunPage(RunPage):
    """A page of the runs of one job."""

    last_pruned: PrunedRun | None = Field(
        description="The job's last run that started, if retention has deleted this run; otherwise null."
    )


class LogLine(Shape):
    attempt: int
    at: datetime
    level: str
    message: str


class LogPage(PageShape):
    results: list[LogLine]


class Command(Shape):
    """A command that a job may call."""

    name: str
    description: str
    parameters: dict[str, Any] = Field(description="JSON schema of the payload.")


class CommandList(Shape):
    results: list[Command]


class NoBody(Shape):
    """Send no body, or an empty object."""


def run_of(row: models.Run) -> Run:
    """Return the response for a run in a list of runs. The caller must have loaded `row.spec`."""
    return Run.model_validate(_fields(row))


def pruned_of(row: models.PrunedRun) -> PrunedRun:
    """Return the response for what is left of a deleted run."""
    return PrunedRun(
        id=row.run_id,
        nominal_at=row.nominal_at,
        status=RunStatus(row.status),
        started_at=row.started_at,
        finished_at=row.finished_at,
        duration_ms=row.duration // timedelta(milliseconds=1),
        error_code=row.error_code or None,
        error=row.error or None,
    )


def detail_of(row: models.Run, now: datetime) -> RunDetail:
    """Return the response for one run. Queries the run's attempts and events.

    For a run that waits, also queries the reason why it cannot start yet.
    """
    wrong = reasons_by_part(row.spec.readable_target, row.spec.readable_policies)
    return RunDetail.model_validate(
        {
            **_fields(row),
            "waits_for": waiting_reasons([row], now).get(row.pk),
            "target": None if "target" in wrong else masked(row.spec.target),
            "payload": row.spec.payload,
            "policies": None if "policies" in wrong else row.spec.policies,
            "unreadable": wrong,
            "attempts": [_attempt(attempt) for attempt in all_attempts(row)],
            "events": [
                Event(
                    kind=event.kind,
                    at=event.at,
                    attempt=event.attempt,
                    reason=event.reason or None,
                    actor=event.actor or None,
                )
                for event in row.events.all()
            ],
        }
    )


def log_line_of(row: models.LogLine) -> LogLine:
    """Return the response for a line of a run's log."""
    return LogLine(attempt=row.attempt, at=row.at, level=row.level, message=row.message)


def _fields(row: models.Run) -> dict[str, Any]:
    return {
        "id": row.pk,
        "job": JobName(id=row.job_id, name=row.spec.job_name),
        "job_version": row.spec.version,
        "origin": row.origin,
        "retry_of": row.retry_of,
        "caused_by": row.caused_by,
        "backfill_id": row.backfill_id,
        "status": row.status,
        "reason": row.reason or None,
        "priority": Priority.of(row.priority),
        "nominal_at": row.nominal_at,
        "last_nominal_at": row.last_nominal_at,
        "n_occurrences": row.n_occurrences,
        "available_at": row.available_at,
        "planned_at": row.planned_at,
        "expires_at": row.expires_at,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "duration_ms": milliseconds(row.duration),
        "lateness_ms": milliseconds(row.start_delay()),
        "behind_plan_ms": milliseconds(row.delay_after_plan()),
        "worker": row.worker or None,
        "n_attempts": row.n_attempts,
        "error_code": row.error_code or None,
        "error": row.error or None,
        "cancel_requested_at": row.cancel_requested_at,
    }


def _attempt(row: models.Attempt) -> Attempt:
    return Attempt(
        number=row.number,
        status=RunStatus.RUNNING if row.is_running else row.status,
        worker=row.worker or None,
        started_at=row.started_at,
        finished_at=row.finished_at,
        duration_ms=None if row.is_running else milliseconds(row.duration),
        error_code=row.error_code or None,
        error=row.error or None,
        result=row.result,
        retry_at=row.retry_at,
    )


def milliseconds(duration: timedelta | None) -> int | None:
    """Return a duration as an integer number of milliseconds; None for None."""
    return None if duration is None else round(duration / timedelta(milliseconds=1))
