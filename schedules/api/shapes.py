"""Jobs as the API takes and shows them. What is valid is decided in `schedules/jobs/validation.py`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from django.urls import reverse
from pydantic import AfterValidator, Field, GetJsonSchemaHandler, TypeAdapter, WithJsonSchema, create_model
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from access.api.parameters import Instant
from access.api.schema import DocumentedAs, Shape
from executions.api import UNREADABLE
from executions.targets import AnyTarget, masked
from schedules.clock.describe import describe
from schedules.clock.policies.resumption import DEFAULT_MAX_STARTS, MAX_COUNTED, MAX_STARTS, Resumption
from schedules.jobs.chains import Links, StartAfter
from schedules.jobs.members import JobDefinition, documented_type, stored_members
from schedules.jobs.schedule_shape import Schedule
from schedules.models import JobState
from schedules.policies import JobPolicies
from schedules.triggers import MAX_REASON_LENGTH, read_reason
from values.readable import Unreadable

if TYPE_CHECKING:
    from schedules import models
    from schedules.pauses import resuming

CHOICES = "`none` of them (all are recorded as paused), the `first`, the `last`, or `all`."
# What a job shows of a member differs from what it takes: its stored form, or null where that cannot be read.
SHOWN_AS: dict[str, Any] = {
    "schedule": Schedule | None,
    "target": AnyTarget | None,
    "policies": JobPolicies | None,
}
SHOWN_DESCRIPTIONS = {
    "target": "Values of headers that look like credentials are hidden from callers who may not change jobs."
}

# A PATCH takes every member of a definition, each of them optional.
_changes: dict[str, Any] = {
    name: (Annotated[Any, DocumentedAs(documented_type(name) | None)], Field(None, description=field.description))
    for name, field in JobDefinition.model_fields.items()
}
JobChange = create_model(
    "JobChange",
    __base__=Shape,
    __doc__="Members to change. Each member that is given replaces the old one whole; null stands for its default.",
    **_changes,
)


class JobLinks(Shape):
    runs: str


class _JobIdentity(Shape):
    id: UUID
    key: str | None = Field(
        description="The caller's own key, under which the job was registered: `PUT /jobs/by-key/{key}`."
    )


_shown: dict[str, Any] = {
    name: (
        Annotated[Any, DocumentedAs(SHOWN_AS.get(name, documented_type(name)))],
        Field(description=SHOWN_DESCRIPTIONS.get(name, field.description)),
    )
    for name, field in JobDefinition.model_fields.items()
}
_JobMembers: Any = create_model("_JobMembers", __base__=_JobIdentity, **_shown)


class Job(_JobMembers):
    """A job: the members of its definition, and its present state."""

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
    schedule_description: str = Field(description="The schedule in words.")
    starts: list[StartAfter] = Field(description="Jobs that start when a run of this job has ended.")
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
    """Return a job as the API shows it. `row.spec` must be loaded."""
    unreadable, schedule = row.unreadable, row.readable_schedule
    members = stored_members(row, links.start_after) | dict.fromkeys(unreadable)
    if not in_full and "target" not in unreadable:
        members["target"] = masked(row.target)
    if "policies" not in unreadable:
        members["policies"] = row.policies  # with the defaults of policies that came after it was stored
    return Job(
        **members,
        id=row.pk,
        key=row.key,
        state=row.state,
        pause_reason=row.pause_reason or None,
        paused_at=row.paused_at,
        paused_by=row.paused_by or None,
        paused_until_at=row.paused_until_at,
        pause_catch_up=Resumption(row.pause_catch_up) if row.paused_until_at else None,
        schedule_description=str(schedule) if isinstance(schedule, Unreadable) else describe(schedule),
        starts=list(links.starts),
        unreadable=unreadable,
        version=row.spec.version,
        next_run_at=row.next_fire_at,
        next_start_at=row.next_start_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        links=JobLinks(runs=reverse("job-runs", args=[row.pk])),
    )
