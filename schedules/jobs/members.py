"""The members of a job's definition: one list that validation, storage, comparison and the API use.

To add a member, add a field to `JobDefinition`. The field's annotation validates and documents the member; its `Column`
says where the member is stored. `docs/extending.md` lists all steps, including the field of the job form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo

from access.api.schema import ReadAs, Shape
from access.visibility import ENGINE
from executions import targets
from executions.targets import AnyTarget, InvalidTarget
from schedules import flags
from schedules.clock.effort import NO_LIMIT, Effort
from schedules.clock.spec import Kind, ScheduleSpec, to_json
from schedules.exceptions import InvalidDefinition
from schedules.jobs import chains
from schedules.jobs.chains import MAX_SOURCES, StartAfter
from schedules.jobs.schedule_shape import AnySchedule, read_schedule
from schedules.models import MAX_JOB_DESCRIPTION_LENGTH, MAX_JOB_NAME_LENGTH
from schedules.policies import JobPolicies, find_conflicts
from values.field_errors import sentences
from values.json_values import find_unstorable, storable
from values.readable import value_or_none

if TYPE_CHECKING:
    from access.visibility import Caller
    from schedules.models import Job

MAX_PAYLOAD_BYTES = 256 * 1024  # size as JSON; limited because every run reads the payload


@dataclass(frozen=True, slots=True)
class Column:
    """Where a member is stored: in a column of the job's row, of its frozen version (`RunSpec`), or of both.

    `is_clocks`: true for the schedule, which `definitions` writes together with the other columns of the clock.
    """

    job: str | None = None
    version: str | None = None
    is_clocks: bool = False


@dataclass(slots=True)
class ValidationContext:
    """The input of validation besides the data: the time, the job whose definition is replaced, and the caller.

    `effort`: what reading the schedule may cost. Validation sets `first_at`, the first instant of a new schedule, so
    that it is computed only once.
    """

    now: datetime
    job: Job | None = None
    caller: Caller = ENGINE
    effort: Effort = NO_LIMIT
    first_at: datetime | None = None


def _context(info: ValidationInfo) -> ValidationContext:
    assert isinstance(info.context, ValidationContext)  # only `validation.validate` validates a definition
    return info.context


def _read_schedule(value: object, info: ValidationInfo) -> ScheduleSpec:
    context = _context(info)
    try:
        spec, context.first_at = read_schedule(value, context.now, context.job, effort=context.effort)
    except InvalidDefinition as invalid:
        raise sentences(invalid.errors) from invalid
    return spec


def _check_sources(links: Sequence[StartAfter], info: ValidationInfo) -> Sequence[StartAfter]:
    context = _context(info)
    job = context.job
    try:
        if links:
            chains.check(links, job.pk if job else None, context.caller, job.scope_id if job else None)
    except InvalidDefinition as invalid:
        raise sentences(invalid.errors) from invalid
    return links


def _read_target(value: object, info: ValidationInfo) -> targets.TargetConfig:
    try:
        return targets.parse_config(value)
    except InvalidTarget as invalid:
        raise sentences(_under_target(invalid.errors)) from invalid


def _check_payload(payload: Any, info: ValidationInfo) -> Any:
    """Check a payload alone; if the target is valid, also check the payload against the target."""
    if problem := find_unstorable(payload, "payload"):
        raise sentences({problem[0]: [problem[1]]})
    if (size := len(json.dumps(payload))) > MAX_PAYLOAD_BYTES:
        raise sentences(
            {"payload": [f"The payload has {size:,} bytes as JSON: make it {MAX_PAYLOAD_BYTES:,} bytes or smaller."]}
        )
    if config := info.data.get("target"):
        try:
            targets.check_payload(config, payload)
        except InvalidTarget as invalid:
            raise sentences(_under_target(invalid.errors)) from invalid
    return payload


def _check_policies(policies: JobPolicies, info: ValidationInfo) -> JobPolicies:
    schedule: ScheduleSpec | None = info.data.get("schedule")
    # An invalid schedule (None) has its own error, so report no second error that the job has no schedule.
    found = find_conflicts(policies, has_schedule=schedule is None or schedule.kind is not Kind.NONE)
    errors = {f"policies.{name}": [sentence] for name, sentence in found.items()}
    flag, context = policies.feature_flag, _context(info)
    # A job keeps its flag, even if the caller may not see the flag.
    if flag and flag != _current_flag(context.job) and not flags.exists(flag, context.caller):
        errors["policies.feature_flag"] = [f"There is no feature flag “{flag}”: create the flag first."]
    if errors:
        raise sentences(errors)
    return policies


def _current_flag(job: Job | None) -> str | None:
    policies = value_or_none(job.readable_policies) if job else None
    return policies.feature_flag if policies else None


def _under_target(errors: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return a target's errors with the field names of the definition.

    For example, `url` becomes `target.url`. Fields in the payload, such as `payload.x`, keep their names.
    """
    return {
        name if name.split(".")[0] == "payload" else f"target.{name}".rstrip("."): texts
        for name, texts in errors.items()
    }


class JobDefinition(Shape):
    """The definition of a job.

    The other members of a job, such as `id`, may be sent back if they have the values that the job has.
    """

    # The order matters, because validators read earlier members: `payload` the target, and `policies` the schedule.
    name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_JOB_NAME_LENGTH),
        AfterValidator(storable),
        Column(job="name", version="job_name"),
    ] = Field(description="The name that people see. Two jobs may have the same name.")
    description: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=MAX_JOB_DESCRIPTION_LENGTH),
        AfterValidator(storable),
        Column(job="description"),
    ] = Field("", description="For people: what the job does, and whom to ask about it.")
    schedule: Annotated[
        ScheduleSpec, ReadAs(AnySchedule | None, _read_schedule, to_json), Column(job="schedule", is_clocks=True)
    ] = Field(
        None,
        validate_default=True,
        description="When the job runs. Without a schedule, the job starts only by hand, through the API or after "
        "other jobs.",
    )
    # No column: each chain is a row of its own, so that a job can find the jobs that start after it (`chains`).
    start_after: Annotated[tuple[StartAfter, ...], AfterValidator(_check_sources)] = Field(
        (),
        max_length=MAX_SOURCES,
        description="The job also starts when a run of one of these jobs ends with the result in `on`. List each job "
        "only once.",
    )
    target: Annotated[
        targets.TargetConfig,
        ReadAs(AnyTarget, _read_target, lambda config: config.model_dump(mode="json")),
        Column(version="target"),
    ] = Field(description="What each run does, such as an HTTP request or a command.")
    payload: Annotated[Any, AfterValidator(_check_payload), Column(version="payload")] = Field(
        None,
        validate_default=True,  # a command's parameters may be required
        description="The input of each run: any JSON of up to 256 KiB. Its meaning depends on the kind of target.",
    )
    policies: Annotated[JobPolicies, AfterValidator(_check_policies), Column(version="policies")] = Field(
        JobPolicies(),
        description="When and how runs start, and what happens after a failure. Policies that are left out have their "
        "defaults.",
    )


MEMBERS = tuple(JobDefinition.model_fields)
COLUMNS: dict[str, Column] = {
    name: column
    for name, field in JobDefinition.model_fields.items()
    for column in field.metadata
    if isinstance(column, Column)
}
JOB_COLUMNS = {name: column.job for name, column in COLUMNS.items() if column.job and not column.is_clocks}
VERSION_COLUMNS = {name: column.version for name, column in COLUMNS.items() if column.version}


def documented_type(name: str) -> Any:
    """Return the type, with its limits, that documents a member of the job definition in the API."""
    field = JobDefinition.model_fields[name]
    readers = [part for part in field.metadata if isinstance(part, ReadAs)]
    if readers:
        return readers[0].documented
    limits = [part for part in field.metadata if not isinstance(part, AfterValidator | Column)]
    return Annotated[(field.annotation, *limits)] if limits else field.annotation


def stored_members(job: Job, start_after: Sequence[StartAfter]) -> dict[str, Any]:
    """Return a job's definition, with each member in canonical JSON. `job.spec` must be loaded.

    `start_after`: the jobs that start this job.
    """
    values: dict[str, Any] = {"start_after": chains.as_json(start_after)}
    for name, column in COLUMNS.items():
        values[name] = getattr(job.spec, column.version) if column.version else getattr(job, str(column.job))
    return {name: values[name] for name in MEMBERS}
