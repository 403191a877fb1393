"""Request and response bodies of jobs, pauses and resumptions.

`JobDefinition` in `schedules/jobs/members.py` is the body that defines a job.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from uuid import UUID

from django.urls import reverse
from pydantic import AfterValidator, Field, WithJsonSchema, create_model

from access.api.parameters import Instant
from access.api.schema import DocumentedAs, PageShape, Shape
from executions.api import UNREADABLE
from executions.targets import AnyTarget, masked
from schedules.api.one_of import OneOf
from schedules.clock.describe import describe
from schedules.clock.policies.resumption import DEFAULT_MAX_STARTS, MAX_COUNTED, MAX_STARTS, Resumption
from schedules.jobs.chains import Links, StartAfter
from schedules.jobs.members import JobDefinition, documented_type, stored_members
from schedules.jobs.schedule_shape import Schedule
from schedules.models import MAX_PAUSE_REASON_LENGTH, JobState
from schedules.pauses.terms import PauseTerms, read_reason
from schedules.policies import JobPolicies
from values.readable import Unreadable

if TYPE_CHECKING:
    from schedules import models
    from schedules.pauses import resuming

CATCH_UP_CHOICES = (
    "`none`, only the `first`, only the `last`, or `all`. Occurrences that do not start are recorded as skipped "
    "(reason `paused`)."
)
# A response shows these members as they are stored, or null if the stored value cannot be read.
SHOWN_AS: dict[str, Any] = {
    "schedule": Schedule | None,
    "target": AnyTarget | None,
    "policies": JobPolicies | None,
}
SHOWN_DESCRIPTIONS = {
    "target": "What each run does. The values of headers that are not known to be harmless are hidden from callers "
    "who may not change the job."
}

# A PATCH accepts the members of a definition, and of the objects in it, all of them optional.
PARTIAL = " In a PATCH, members that are left out stay."
PARTIAL_TYPES: dict[str, Any] = {
    "schedule": dict[str, Any] | list[Schedule],
    "target": dict[str, Any],
    "policies": dict[str, Any],
}
_changes: dict[str, Any] = {
    name: (
        Annotated[Any, DocumentedAs(PARTIAL_TYPES.get(name, documented_type(name)) | None)],
        Field(None, description=str(field.description) + (PARTIAL if name in PARTIAL_TYPES else "")),
    )
    for name, field in JobDefinition.model_fields.items()
}
JobChange = create_model(
    "JobChange",
    __base__=Shape,
    __doc__="The members to change, as a JSON merge patch (RFC 7396). Null sets the default.",
    **_changes,
)


class JobLinks(Shape):
    runs: str = Field(description="URL of the job's runs.")


class _JobIdentity(Shape):
    id: UUID
    key: str | None = Field(
        description="The key under which a service registered the job with `PUT /jobs/by-key`; null for any other job. "
        "It is not an API key."
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
    """A job: its definition, its state and its next run."""

    state: Annotated[
        str,
        WithJsonSchema({"enum": JobState.values, "type": "string"}),
        Field(description="`active`, `paused` or `ended`. Ended: the schedule has no further occurrences."),
    ]
    pause_reason: str | None = Field(description="The reason of the pause; null if there is none.")
    paused_at: datetime | None = Field(description="When the pause began; null if the job is not paused.")
    paused_by: str | None = Field(
        description="Who paused the job; null if it was paused automatically after failures, or is not paused."
    )
    paused_until_at: datetime | None = Field(
        description="When the pause ends by itself; null if it lasts until the job is resumed, or if the job is not "
        "paused."
    )
    pause_catch_up: Resumption | None = Field(
        description="Which occurrences during the pause are started when it ends by itself; null without "
        "`paused_until_at`."
    )
    schedule_description: str = Field(description="The schedule in words.")
    starts: list[StartAfter] = Field(description="Jobs that start when a run of this job ends.")
    unreadable: dict[str, str] = Field(description=UNREADABLE)
    version: int = Field(
        description="Increases with each change of `name`, `target`, `payload` or `policies`. A run keeps the version "
        "with which it was created."
    )
    next_run_at: datetime | None = Field(
        description="The next nominal instant. Null if the job is not active, has no schedule or is unreadable. With "
        "a `delay` schedule, also null while a scheduled run is live."
    )
    next_start_at: datetime | None = Field(
        description="Planned start of the run for `next_run_at`. With jitter, it may be later than `next_run_at`."
    )
    created_at: datetime
    updated_at: datetime = Field(description="When the job was last changed, paused or resumed.")
    links: JobLinks


class JobPage(PageShape):
    results: list[Job]


class Pause(Shape):
    """The terms of a pause: its reason, its end, and the occurrences that start when it ends."""

    reason: Annotated[str, AfterValidator(read_reason)] = Field(
        "",
        max_length=MAX_PAUSE_REASON_LENGTH,
        description="Why the job is paused. This becomes the job's `pause_reason`.",
    )
    until: Instant | None = Field(
        None, description="When the pause ends by itself. Null: the pause lasts until the job is resumed."
    )
    catch_up: Resumption = Field(
        Resumption.NONE,
        description=f"Which occurrences during the pause are started at its end (`until`): {CATCH_UP_CHOICES} "
        f"`all` starts at most the latest {DEFAULT_MAX_STARTS} occurrences.",
    )

    @property
    def terms(self) -> PauseTerms:
        return PauseTerms(self.reason, self.until, self.catch_up)


class Resume(Shape):
    """Which occurrences during the pause are started, and how many.

    These occurrences start one after the other, unless the policy `overlap` is `allow`.
    """

    catch_up: Resumption = Field(
        Resumption.NONE, description=f"Which occurrences during the pause are started: {CATCH_UP_CHOICES}"
    )
    max_runs: Annotated[int, Field(strict=True, ge=1, le=MAX_STARTS)] = Field(
        DEFAULT_MAX_STARTS,
        description="Maximum number of occurrences that start: the latest ones. Allowed only if `catch_up` is `all`.",
    )
    dry_run: Annotated[bool, Field(strict=True)] = Field(
        False, description="If true, change nothing and return a preview."
    )


class ResumePreview(Shape):
    """The preview of resuming a job."""

    dry_run: Literal[True]
    n_occurrences: int = Field(description=f"Number of occurrences during the pause, counted up to {MAX_COUNTED:,}.")
    is_more: bool = Field(description="Whether there are more occurrences than were counted.")
    n_would_start: int = Field(description="Number of occurrences that would start.")
    first_at: datetime | None = Field(
        description="Nominal instant of the first occurrence that would start; null if none would start."
    )
    last_at: datetime | None = Field(
        description="Nominal instant of the last occurrence that would start; null if none would start."
    )


class JobOrResumePreview(OneOf):
    """The job; with `dry_run`, the preview of resuming the job."""

    shapes: ClassVar[Any] = Job | ResumePreview


def resume_preview_of(preview: resuming.ResumePreview) -> ResumePreview:
    """Return the response for a preview of a resumption."""
    return ResumePreview(
        dry_run=True,
        n_occurrences=min(preview.n_occurrences, MAX_COUNTED),
        is_more=preview.is_more,
        n_would_start=preview.n_would_start,
        first_at=preview.first_at,
        last_at=preview.last_at,
    )


def job_of(row: models.Job, links: Links, *, with_credentials: bool) -> Job:
    """Return the response for a job and its chains. Credentials are masked unless `with_credentials`.

    The caller must have loaded `row.spec`.
    """
    # Only the parts that cannot be read are null: the job stays visible, and can be repaired or deleted.
    unreadable, schedule = row.unreadable, row.readable_schedule
    members = stored_members(row, links.start_after) | dict.fromkeys(unreadable)
    if not with_credentials and "target" not in unreadable:
        members["target"] = masked(row.spec.target)
    if "policies" not in unreadable:
        members["policies"] = row.policies  # the stored JSON may lack a policy that this version added
    return Job(
        **members,
        id=row.pk,
        key=row.key,
        state=row.state,
        pause_reason=row.pause_reason or None,
        paused_at=row.paused_at if row.state == JobState.PAUSED else None,
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
