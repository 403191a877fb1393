"""Jobs and schedules as the API takes and shows them. What is valid is decided in `schedules/definitions.py`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from django.urls import reverse
from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, TypeAdapter, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from access.api.schema import Like, ProblemField, Shape
from executions.targets.jsonsafe import clean_text
from executions.targets.registry import AnyTarget
from schedules.clock.describe import describe
from schedules.clock.fields import read_instant, read_zone
from schedules.clock.preview import ChangeKind, Mark
from schedules.clock.spec import Fold, Gap, Kind
from schedules.definitions import MAX_DESCRIPTION, MAX_NAME
from schedules.models import JobState
from schedules.policies import JobPolicies

if TYPE_CHECKING:
    from schedules import models

MAX_REASON = 255
MAX_FIRES = 100
INSTANT = {"type": "string", "format": "date-time"}
LENGTH = {"anyOf": [{"type": "string"}, {"type": "number"}], "examples": ["15m", "1h30m", "PT15M", 900]}


class Schedule(Shape):
    """When a job runs: one of `cron`, `every` and `at`, or `kind` alone as `none`.

    An instant without an offset is local time in `timezone`. Members that mean nothing for the kind are refused.
    """

    kind: Kind | None = Field(None, description="Follows from `cron`, `every` or `at`; `none` starts only by hand.")
    cron: str | None = Field(
        None, description="Five fields, or six with seconds first; or `@daily` and its kin.", examples=["30 2 * * *"]
    )
    every: Annotated[Any, WithJsonSchema(LENGTH)] = Field(
        None, description="A fixed interval of elapsed time, such as `15m`, `PT15M` or 900 (seconds)."
    )
    anchor_at: Annotated[Any, WithJsonSchema(INSTANT)] = Field(
        None, description="An instant that `every` meets; by default `start_at`, else when the job is made."
    )
    at: Annotated[Any, WithJsonSchema(INSTANT)] = Field(None, description="The one instant.")
    timezone: str | None = Field(None, description="An IANA zone; by default UTC.", examples=["America/New_York"])
    dst_gap: Gap | None = Field(
        None, description="A cron time that clocks leave out: `shift` to the gap's end (default), or `skip` it."
    )
    dst_fold: Fold | None = Field(
        None, description="A cron time that comes twice: run the `first` time only (default), or `both` times."
    )
    start_at: Annotated[Any, WithJsonSchema(INSTANT)] = Field(None, description="Nothing before this instant.")
    end_at: Annotated[Any, WithJsonSchema(INSTANT)] = Field(None, description="Nothing after this instant.")
    max_runs: int | None = Field(None, ge=1, description="The job has ended after that many started occurrences.")


class JobDefinition(Shape):
    """What a job is made from. The read-only members that a job shows may be sent along, and are passed over."""

    name: str = Field(max_length=MAX_NAME)
    description: str = Field("", max_length=MAX_DESCRIPTION)
    schedule: Schedule | None = Field(None, description="Without one the job starts only by hand.")
    target: AnyTarget
    payload: Any = Field(None, description="The request's body for `http`, the parameters for `command`.")
    policies: JobPolicies = JobPolicies()


class JobChange(Shape):
    """Members to change; each that is given replaces that member whole."""

    name: str | None = Field(None, max_length=MAX_NAME)
    description: str | None = Field(None, max_length=MAX_DESCRIPTION)
    schedule: Schedule | None = None
    target: AnyTarget | None = None
    payload: Any = None
    policies: JobPolicies | None = None


class JobLinks(Shape):
    runs: str


class Job(Shape):
    """A job."""

    id: UUID
    name: str
    description: str
    state: Annotated[
        str,
        WithJsonSchema({"enum": JobState.values, "type": "string"}),
        Field(description="`ended`: its schedule names no further instant."),
    ]
    pause_reason: str | None
    paused_at: datetime | None
    schedule: Annotated[Any, Like(Schedule)]
    schedule_description: str = Field(description="The schedule in words.")
    target: Annotated[Any, Like(AnyTarget)]
    payload: Any
    policies: JobPolicies
    version: int = Field(description="Rises with each change of name, target, payload or policies.")
    next_run_at: datetime | None = Field(description="The next nominal instant; null for a job that is not active.")
    created_at: datetime
    updated_at: datetime
    links: JobLinks


class JobPage(Shape):
    next: str | None
    previous: str | None
    results: list[Job]


def _sound(text: str) -> str:
    if text != clean_text(text):
        raise ValueError("This text holds a NUL character or half of a character: take it out.")
    return text.strip()


class Pause(Shape):
    """Why a job is paused."""

    reason: Annotated[str, AfterValidator(_sound)] = Field("", max_length=MAX_REASON, description="Shown with the job.")


def _instant(value: object) -> datetime:
    try:
        return read_instant(value, "UTC")
    except ValueError as error:
        raise ValueError(f"after: {str(error).rstrip('.')}.") from error


def _zone(value: object) -> str:
    try:
        return read_zone(value)
    except ValueError as error:
        raise ValueError(f"timezone: {error}") from error


class PreviewQuestion(Shape):
    """A schedule, and how much of it to show."""

    schedule: Annotated[Any, Like(Schedule)]
    count: Annotated[int, Field(strict=True, ge=1, le=MAX_FIRES)] = Field(10, description="How many instants.")
    after: Annotated[datetime, BeforeValidator(_instant), WithJsonSchema(INSTANT)] | None = Field(
        None, description="Instants later than this one; by default, than now."
    )
    timezone: Annotated[str, BeforeValidator(_zone), WithJsonSchema({"type": "string"})] | None = Field(
        None, description="The viewer's IANA zone, to show the instants in it as well."
    )


class Fire(Shape):
    """One instant of a schedule."""

    at: datetime = Field(description="In UTC.")
    local: str = Field(description="In the schedule's zone, with its offset.")
    in_viewer_zone: str | None = Field(description="In the viewer's zone; null when none was given.")
    marks: list[Mark] = Field(
        description="`gap`: moved, as its local time does not exist that day. `fold_first`, `fold_second`: its local "
        "time comes twice."
    )


class DstChange(Shape):
    """A change of the clocks, and what it does to the schedule."""

    kind: ChangeKind
    at: datetime
    local_from: str = Field(description="First local time that is left out or comes twice.")
    local_to: str = Field(description="First local time after those.")
    affected: bool = Field(description="Whether any time of the schedule is moved, dropped or repeated.")
    fires: list[Fire]
    text: str = Field(description="The same in words.")


class Preview(Shape):
    description: str = Field(description="The schedule in words.")
    fires: list[Fire]
    dst_changes: list[DstChange] = Field(description="Changes of the clocks in the twelve months to come.")
    warnings: list[str] = Field(description="What might not be meant so.")


class ScheduleQuestion(Shape):
    """A schedule to be judged."""

    schedule: Annotated[Any, Like(Schedule)]


class Verdict(Shape):
    """What a valid schedule means."""

    valid: Literal[True]
    description: str
    schedule: Annotated[Any, Like(Schedule)] = Field(description="In its canonical form.")
    next_run_at: datetime | None


class Refusal(Shape):
    """What is wrong with a schedule."""

    valid: Literal[False]
    errors: list[ProblemField]


class VerdictOrRefusal(Shape):
    """`valid` says which of the two it is."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        either: TypeAdapter[Verdict | Refusal] = TypeAdapter(Verdict | Refusal)
        return handler(either.core_schema)


def job_of(row: models.Job) -> Job:
    """Return a job as the API shows it. `row.spec` has to be loaded."""
    return Job(
        id=row.pk,
        name=row.name,
        description=row.description,
        state=row.state,
        pause_reason=row.pause_reason or None,
        paused_at=row.paused_at,
        schedule=row.schedule,
        schedule_description=describe(row.schedule_spec),
        target=row.target,
        payload=row.spec.payload,
        policies=row.policies,
        version=row.spec.version,
        next_run_at=row.next_fire_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        links=JobLinks(runs=reverse("job-runs", args=[row.pk])),
    )
