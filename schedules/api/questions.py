"""Questions about a schedule, and their answers, as the API takes and shows them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, TypeAdapter, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from access.api.schema import DocumentedAs, ProblemField, Shape
from schedules.clock.preview import Mark
from schedules.clock.reading.members import read_instant, read_zone
from schedules.clock.zones.clock_changes import ChangeKind
from schedules.jobs.schedule_shape import INSTANT, AnySchedule, Schedule
from schedules.policies import Jitter

MAX_FIRES = 100


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

    schedule: Annotated[Any, DocumentedAs(AnySchedule)]
    count: Annotated[int, Field(strict=True, ge=1, le=MAX_FIRES)] = Field(10, description="How many instants.")
    after: Annotated[datetime, BeforeValidator(_instant), WithJsonSchema(INSTANT)] | None = Field(
        None, description="Instants later than this one; by default, than now."
    )
    timezone: Annotated[str, BeforeValidator(_zone), WithJsonSchema({"type": "string"})] | None = Field(
        None, description="The viewer's IANA zone, to show the instants in it as well."
    )
    jitter: Jitter = Field(timedelta(0), description="The policy of that name, to show when runs start.")
    job_id: UUID | None = Field(None, description="With `jitter`: the id of the job, which says when exactly.")


class Fire(Shape):
    """One instant of a schedule."""

    at: datetime = Field(description="In UTC.")
    local: str = Field(description="In the schedule's zone, with its offset.")
    in_viewer_zone: str | None = Field(description="In the viewer's zone; null when none was given.")
    marks: list[Mark] = Field(
        description="`gap`: moved, as its local time does not exist that day. `fold_first`, `fold_second`: its local "
        "time comes twice."
    )
    starts_at: datetime | None = Field(description="When its run starts, where `jitter` and `job_id` are given.")
    starts_before: datetime | None = Field(
        description="With `jitter`: its run starts before this instant, whichever job it is of."
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

    schedule: Annotated[Any, DocumentedAs(AnySchedule)]


class Verdict(Shape):
    """What a valid schedule means."""

    valid: Literal[True]
    description: str
    schedule: Annotated[Any, DocumentedAs(Schedule)] = Field(description="In its canonical form.")
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
