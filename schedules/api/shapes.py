"""Jobs as the API takes and shows them. What is valid is decided in `schedules/jobs/validation.py`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from django.urls import reverse
from pydantic import AfterValidator, Field, GetJsonSchemaHandler, TypeAdapter, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from access.api.parameters import Instant
from access.api.schema import DocumentedAs, Shape
from executions.api import UNREADABLE
from executions.targets import AnyTarget, masked
from schedules.clock.describe import describe
from schedules.clock.policies.resumption import DEFAULT_MAX_STARTS, MAX_COUNTED, MAX_STARTS, Resumption
from schedules.clock.reading.schedule import MAX_SPECS, MIN_SPECS
from schedules.clock.spec import Fold, Gap, Kind, SolarEvent
from schedules.jobs.chains import MOST_SOURCES, Links, StartAfter
from schedules.jobs.validation import MAX_DESCRIPTION, MAX_NAME
from schedules.models import JobState
from schedules.policies import JobPolicies
from schedules.triggers import MAX_REASON_LENGTH, read_reason
from values.readable import Unreadable, value_or_none

if TYPE_CHECKING:
    from schedules import models
    from schedules.pauses import resuming

CHOICES = "`none` of them (all are recorded as paused), the `first`, the `last`, or `all`."
INSTANT = {"type": "string", "format": "date-time"}
LENGTH = {"anyOf": [{"type": "string"}, {"type": "number"}], "examples": ["15m", "1h30m", "PT15M", 900]}


class Schedule(Shape):
    """When a job runs: one of `cron`, `every`, `at`, `solar`, `delay` and `specs`, or `kind` alone as `none`.

    An instant without an offset is local time in `timezone`. Members that mean nothing for the kind are refused.
    """

    kind: Kind | None = Field(
        None, description="Follows from `cron`, `every` and their kin; `none` starts only by hand."
    )
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
    solar: SolarEvent | None = Field(
        None,
        description="What the sun does at a place. Days on which it does not are passed over. Twilights are "
        "`astronomical`, `nautical` and `civil`: the sun is 18, 12 and 6 degrees below the horizon.",
    )
    latitude: float | None = Field(None, ge=-90, le=90, description="With `solar`: degrees; south is negative.")
    longitude: float | None = Field(None, ge=-180, le=180, description="With `solar`: degrees; west is negative.")
    delay: Annotated[Any, WithJsonSchema(LENGTH)] = Field(
        None,
        description="So long after the end of a run comes the next; the first at `start_at`, or when the job is made. "
        "After an occurrence that does not start, so long after that was decided.",
    )
    specs: list[Schedule] | None = Field(
        None,
        min_length=MIN_SPECS,
        max_length=MAX_SPECS,
        description="Several schedules: the job runs at the instants of any of them. They are not nested, and have no "
        "`max_runs`; each has a `timezone` and bounds of its own, or those given beside `specs`.",
    )
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


AnySchedule = Schedule | Annotated[list[Schedule], Field(description="The same as an object with `specs` alone.")]


class JobDefinition(Shape):
    """What a job is made from. The read-only members that a job shows may be sent along, and are passed over."""

    name: str = Field(max_length=MAX_NAME)
    description: str = Field("", max_length=MAX_DESCRIPTION)
    schedule: AnySchedule | None = Field(None, description="Without one the job starts by hand, or after others.")
    start_after: list[StartAfter] = Field(
        [], max_length=MOST_SOURCES, description="It also starts when runs of these jobs have ended."
    )
    target: AnyTarget
    payload: Any = Field(None, description="What the target is given: see what is said of its kind.")
    policies: JobPolicies = JobPolicies()


class JobChange(Shape):
    """Members to change; each that is given replaces that member whole."""

    name: str | None = Field(None, max_length=MAX_NAME)
    description: str | None = Field(None, max_length=MAX_DESCRIPTION)
    schedule: AnySchedule | None = None
    start_after: list[StartAfter] | None = Field(None, max_length=MOST_SOURCES)
    target: AnyTarget | None = None
    payload: Any = None
    policies: JobPolicies | None = None


class JobLinks(Shape):
    runs: str


class Job(Shape):
    """A job."""

    id: UUID
    key: str | None = Field(description="The caller's own, under which it was registered: `PUT /jobs/by-key/{key}`.")
    name: str
    description: str
    state: Annotated[
        str,
        WithJsonSchema({"enum": JobState.values, "type": "string"}),
        Field(description="`ended`: its schedule names no further instant."),
    ]
    pause_reason: str | None
    paused_at: datetime | None
    paused_by: str | None = Field(description="Null while it is paused: Mainspring itself, after failures.")
    paused_until_at: datetime | None = Field(
        description="When the pause ends by itself; null: when somebody resumes it."
    )
    pause_catch_up: Resumption | None = Field(description="What starts then of the occurrences that fell into it.")
    schedule: Annotated[Any, DocumentedAs(Schedule | None)]
    schedule_description: str = Field(description="The schedule in words.")
    start_after: list[StartAfter] = Field(description="It also starts when runs of these jobs have ended.")
    starts: list[StartAfter] = Field(description="Jobs that start when a run of this one has ended.")
    target: Annotated[Any, DocumentedAs(AnyTarget | None)] = Field(
        description="Values of headers that look like credentials are hidden from callers who may not change jobs."
    )
    payload: Any
    policies: JobPolicies | None
    unreadable: dict[str, str] = Field(description=UNREADABLE)
    version: int = Field(description="Rises with each change of name, target, payload or policies.")
    next_run_at: datetime | None = Field(
        description="The next nominal instant; null for a job that is not active, and of a `delay` while its run goes on."
    )
    next_start_at: datetime | None = Field(description="When the run of `next_run_at` starts: later by the jitter.")
    created_at: datetime
    updated_at: datetime
    links: JobLinks


class JobPage(Shape):
    next: str | None
    previous: str | None
    results: list[Job]


class Pause(Shape):
    """Why a job is paused, and for how long."""

    reason: Annotated[str, AfterValidator(read_reason)] = Field(
        "", max_length=MAX_REASON_LENGTH, description="Shown with the job."
    )
    until: Instant | None = Field(None, description="When it resumes by itself; null: when somebody resumes it.")
    catch_up: Resumption = Field(
        Resumption.NONE,
        description=f"Only with `until`: what starts then of the occurrences that fell into the pause: {CHOICES}",
    )


class Resume(Shape):
    """What starts of the occurrences that fell into a pause. They start one after the other, unless `overlap` is `allow`."""

    catch_up: Resumption = Field(Resumption.NONE, description=CHOICES)
    max_runs: Annotated[int, Field(strict=True, ge=1, le=MAX_STARTS)] = Field(
        DEFAULT_MAX_STARTS, description="Only with `all`: as many start at the most, the latest ones."
    )
    dry_run: Annotated[bool, Field(strict=True)] = Field(
        False, description="Change nothing: say what would start, and when it was due."
    )


class Foresight(Shape):
    """What resuming a job would start."""

    dry_run: Literal[True]
    n_occurrences: int = Field(description="Occurrences that fell into the pause, counted up to 100,000.")
    is_more: bool = Field(description="Whether there are more of them than that.")
    n_would_start: int
    first_at: datetime | None = Field(description="The first of those that would start.")
    last_at: datetime | None


class JobOrForesight(Shape):
    """The job; with `dry_run`, what resuming it would start."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        either: TypeAdapter[Job | Foresight] = TypeAdapter(Job | Foresight)
        return handler(either.core_schema)


def foresight_of(found: resuming.ResumePreview) -> Foresight:
    """Return what would start as the API shows it."""
    return Foresight(
        dry_run=True,
        n_occurrences=min(found.n_occurrences, MAX_COUNTED),
        is_more=found.is_more,
        n_would_start=found.n_would_start,
        first_at=found.first_at,
        last_at=found.last_at,
    )


def job_of(row: models.Job, links: Links, *, in_full: bool) -> Job:
    """Return a job as the API shows it. `row.spec` has to be loaded."""
    wrong = row.unreadable
    schedule = row.readable_schedule
    target = row.target if in_full else masked(row.target)
    return Job(
        id=row.pk,
        key=row.key,
        name=row.name,
        description=row.description,
        state=row.state,
        pause_reason=row.pause_reason or None,
        paused_at=row.paused_at,
        paused_by=row.paused_by or None,
        paused_until_at=row.paused_until_at,
        pause_catch_up=Resumption(row.pause_catch_up) if row.paused_until_at else None,
        schedule=None if "schedule" in wrong else row.schedule,
        schedule_description=str(schedule) if isinstance(schedule, Unreadable) else describe(schedule),
        start_after=list(links.start_after),
        starts=list(links.starts),
        target=None if "target" in wrong else target,
        payload=row.spec.payload,
        policies=value_or_none(row.readable_policies),
        unreadable=wrong,
        version=row.spec.version,
        next_run_at=row.next_fire_at,
        next_start_at=row.next_start_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        links=JobLinks(runs=reverse("job-runs", args=[row.pk])),
    )
