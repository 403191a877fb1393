"""Request and response bodies for the preview and the validation of a schedule."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field, WithJsonSchema

from access.api.schema import DocumentedAs, ProblemField, Shape
from schedules.api.one_of import OneOf
from schedules.clock.preview import Mark
from schedules.clock.reading.members import read_instant, read_zone
from schedules.clock.zones.clock_changes import ChangeKind
from schedules.jobs.schedule_shape import INSTANT_SCHEMA, AnySchedule, Schedule
from schedules.policies import Jitter

NO_SCHEDULE = "Null: no schedule, so the job starts only by hand, through the API or after other jobs."
MAX_FIRES = 100  # instants in a preview; the request waits until they are computed


# The two functions below call the readers of a schedule, so that a preview accepts the same instants and time zones.


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


class PreviewRequest(Shape):
    """A schedule to preview."""

    schedule: Annotated[Any, DocumentedAs(AnySchedule | None)] = Field(description=NO_SCHEDULE)
    count: Annotated[int, Field(strict=True, ge=1, le=MAX_FIRES)] = Field(
        10, description="Maximum number of instants to return."
    )
    after: Annotated[datetime, BeforeValidator(_instant), WithJsonSchema(INSTANT_SCHEMA)] | None = Field(
        None, description="Return the instants later than this one. Default: now."
    )
    timezone: Annotated[str, BeforeValidator(_zone), WithJsonSchema({"type": "string"})] | None = Field(
        None, description="The viewer's IANA time zone. Needed for `in_viewer_zone`."
    )
    jitter: Jitter = Field(
        timedelta(0), description="The job's policy `jitter`. Needed for `starts_at` and `starts_before`."
    )
    job_id: UUID | None = Field(
        None,
        description="Id of the job. Needed for `starts_at` and for each `H` in a cron expression, which depend on the "
        "job's id. Without it, the instants of an `H` are only an example, and a warning says so.",
    )


class Fire(Shape):
    """One instant of a schedule."""

    at: datetime = Field(description="The instant in UTC.")
    local: str = Field(
        description="The instant in the schedule's time zone, with the UTC offset. If the schedule has several "
        "`specs`, each may have its own time zone."
    )
    in_viewer_zone: str | None = Field(description="The instant in the viewer's time zone; null without `timezone`.")
    marks: list[Mark] = Field(
        description="How a clock change affects the instant. `gap`: the instant was moved, because its local time does "
        "not exist that day. `fold_first`, `fold_second`: the local time occurs twice that day, and the instant is the "
        "first or the second time."
    )
    starts_at: datetime | None = Field(
        description="The planned start of the run; null unless `jitter` and `job_id` are given."
    )
    starts_before: datetime | None = Field(
        description="For every job id, the planned start is before this instant; null without `jitter`."
    )


class DstChange(Shape):
    """A clock change, and its effect on the schedule."""

    kind: ChangeKind = Field(description="`gap`: clocks go forward. `fold`: clocks go back.")
    at: datetime = Field(description="When the clocks change.")
    local_from: str = Field(description="The first local time that is skipped or repeated.")
    local_to: str = Field(description="The first local time after the skipped or repeated times.")
    affected: bool = Field(description="Whether the clock change skips or repeats a local time of the schedule.")
    fires: list[Fire] = Field(
        description="The instants that are moved to the end of the gap, or whose local time is repeated; up to 20."
    )
    text: str = Field(description="The clock change and its effect, in words.")


class Preview(Shape):
    """The preview of a schedule: its description, its next instants, and the clock changes of the next 12 months."""

    description: str = Field(description="The schedule in words.")
    fires: list[Fire] = Field(description="The next instants.")
    dst_changes: list[DstChange] = Field(
        description="Clock changes of the schedule's time zones in the 12 months that begin at `after`. Clock changes "
        "before `start_at` or after `end_at` are left out. Empty for the kinds `delay` and `none`."
    )
    warnings: list[str] = Field(
        description="Warnings about behaviour that may be unexpected, such as a schedule without future instants, a "
        "clock change that drops a run, or a time zone whose clocks never change. If the search for instants was "
        "stopped because it would take too long, a warning says so."
    )
    timezone_data: str = Field(
        description="Version of the IANA time zone data by which the instants were computed: that of the web process."
    )


class ValidationRequest(Shape):
    """A schedule to validate."""

    schedule: Annotated[Any, DocumentedAs(AnySchedule | None)] = Field(description=NO_SCHEDULE)


class Verdict(Shape):
    """The response for a valid schedule."""

    valid: Literal[True]
    description: str = Field(description="The schedule in words.")
    schedule: Annotated[Any, DocumentedAs(Schedule)] = Field(description="The schedule in its canonical form.")
    next_run_at: datetime | None = Field(description="The next instant of the schedule; null if there is none.")
    warnings: list[str] = Field(description="The same warnings as in the preview.")
    timezone_data: str = Field(
        description="Version of the IANA time zone data by which the instant was computed: that of the web process."
    )


class Refusal(Shape):
    """The response for an invalid schedule."""

    valid: Literal[False]
    errors: list[ProblemField] = Field(description="The errors, each with its field.")


class VerdictOrRefusal(OneOf):
    """`valid` is true for a valid schedule.

    For an invalid schedule, `valid` is false, and the response has `errors`.
    """

    shapes: ClassVar[Any] = Verdict | Refusal
