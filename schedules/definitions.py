"""Making, changing and deleting jobs: what is valid, and what becomes of the clock when a definition changes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.db import transaction
from pydantic import ValidationError

from access.system import SYSTEM_SCOPE_ID
from executions import runs
from executions.models import RunSpec
from executions.models.spec import freeze, supersede
from executions.queries import wake_beat
from executions.targets import registry
from executions.targets.base import InvalidTarget
from executions.targets.errors import field_errors
from executions.targets.jsonsafe import find_flaw
from schedules import queries, tick
from schedules.clock.occurrences import next_after
from schedules.clock.spec import InvalidSchedule, Kind, ScheduleSpec, parse, to_json, with_anchor
from schedules.exceptions import InvalidDefinition, JobGone
from schedules.models import Job, JobState
from schedules.policies import JobPolicies

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

log = structlog.get_logger(__name__)

FIELDS = ("name", "description", "schedule", "target", "payload", "policies")
MAX_NAME, MAX_DESCRIPTION, MAX_PAYLOAD = 255, 10_000, 256 * 1024
MAX_UNKNOWN, MAX_SHOWN = 20, 100  # of a body full of nonsense, so many names, and so much of each, are told
LATE_ONCE = timedelta(minutes=1)  # an `at` this long ago is taken to mean now


@dataclass(frozen=True, slots=True)
class Definition:
    """A job's definition that has been found valid, each part in its canonical JSON."""

    name: str
    description: str
    schedule: ScheduleSpec
    target: dict[str, Any]
    payload: Any
    policies: dict[str, Any]


def validate(data: Mapping[str, Any], now: datetime, job: Job | None = None) -> Definition:
    """Return the definition that `data` describes, with defaults for what it leaves out.

    `data` has the members of `FIELDS`: `name` and `target` are required; without `schedule` the job starts
    only by hand. With the `job` that it is to replace, a schedule that stays as it is is not judged again: it may
    have ended since. Raises InvalidDefinition with every dotted field that is wrong.
    """
    errors: dict[str, list[str]] = {}
    for name in sorted(data.keys() - set(FIELDS))[:MAX_UNKNOWN]:
        errors[name[:MAX_SHOWN]] = [f"There is no such field. The fields are {', '.join(FIELDS)}."]
    name = _text(data, "name", MAX_NAME, errors)
    if not name and "name" not in errors:
        errors["name"] = ["A job needs a name."]
    description = _text(data, "description", MAX_DESCRIPTION, errors)
    payload = data.get("payload")
    if flaw := find_flaw(payload, "payload"):
        errors[flaw[0]] = [flaw[1]]
    elif (size := len(json.dumps(payload))) > MAX_PAYLOAD:
        errors["payload"] = [f"The payload has {size} bytes as JSON; at most {MAX_PAYLOAD} fit."]
    target = _target(data.get("target"), payload, errors)
    policies = _policies(data.get("policies"), errors)
    schedule = _schedule(data.get("schedule"), now, errors, job)
    if errors or schedule is None:
        raise InvalidDefinition(errors)
    return Definition(name, description, schedule, target, payload, policies)


def validate_schedule(data: object, now: datetime) -> ScheduleSpec:
    """Return the schedule that `data` describes, an interval with its anchor. Raises InvalidDefinition, its fields under `schedule`."""
    errors: dict[str, list[str]] = {}
    schedule = _schedule(data, now, errors)
    if schedule is None:
        raise InvalidDefinition(errors)
    return anchored(schedule, now)


def create(definition: Definition, now: datetime, *, actor: str) -> Job:
    """Make a job; its first occurrence is the first one after `now`."""
    job = Job(
        scope_id=SYSTEM_SCOPE_ID,
        name=definition.name,
        description=definition.description,
        created_at=now,
        updated_at=now,
    )
    with transaction.atomic():
        job.spec = _freeze(job.pk, definition, now)
        _set_clock(job, definition.schedule, now)
        job.save(force_insert=True)
        wake_beat()
    log.info("job_created", action="create", job=str(job.pk), name=job.name, actor=actor)
    return job


def replace(job_id: UUID, definition: Definition, now: datetime, *, actor: str) -> Job:
    """Change a job. Occurrences up to `now` still follow the definition it had. Raises JobGone.

    A schedule that is set anew counts from `now`; one that stays as it was goes on undisturbed.
    """
    with transaction.atomic():
        job = lock(job_id)
        tick.settle(job_id, now)
        job.refresh_from_db()
        job.name, job.description, job.updated_at = definition.name, definition.description, now
        changed = ["name", "description", "updated_at"]
        if _is_changed(job.spec, definition):
            job.spec = _freeze(job.pk, definition, now)
            changed.append("spec")
        schedule = _with_known_anchor(definition.schedule, job.schedule_spec)
        if to_json(schedule) != job.schedule:
            _set_clock(job, schedule, now)
            changed += ["schedule", "state", "mark_at", "next_run_at", "n_scheduled"]
        job.save(update_fields=changed)
        wake_beat()
    log.info("job_changed", action="replace", job=str(job.pk), name=job.name, actor=actor)
    return job


def delete(job_id: UUID, now: datetime, *, actor: str) -> None:
    """Delete a job: its runs that have not begun are cancelled, those that run go on, its history stays. Raises JobGone."""
    with transaction.atomic():
        job = lock(job_id)
        runs.cancel_not_begun(job_id, now, actor=actor, reason="job_deleted")
        job.delete()
        supersede(job_id, now)
    log.info("job_deleted", action="delete", job=str(job_id), name=job.name, actor=actor)


def lock(job_id: UUID) -> Job:
    """Return a job under its row lock, for the rest of the transaction. Raises JobGone."""
    if not queries.lock_job(job_id):
        raise JobGone
    return Job.objects.select_related("spec").get(pk=job_id)


def _text(data: Mapping[str, Any], field: str, longest: int, errors: dict[str, list[str]]) -> str:
    value = data.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        errors[field] = ["This takes text."]
    elif flaw := find_flaw(value, field):
        errors[field] = [flaw[1]]
    elif len(value) > longest:
        errors[field] = [f"This has {len(value)} characters; at most {longest} fit."]
    else:
        return value.strip()
    return ""


def _target(value: object, payload: object, errors: dict[str, list[str]]) -> dict[str, Any]:
    if not isinstance(value, dict):
        errors["target"] = ['A job needs a target, an object such as {"kind": "http", "url": "https://…"}.']
        return {}
    try:
        return registry.parse(value, payload).model_dump(mode="json")
    except InvalidTarget as error:
        for name, texts in error.errors.items():
            errors[name if name.split(".")[0] == "payload" else f"target.{name}".rstrip(".")] = texts
        return {}


def _policies(value: object, errors: dict[str, list[str]]) -> dict[str, Any]:
    try:
        return JobPolicies.model_validate({} if value is None else value).model_dump(mode="json")
    except ValidationError as error:
        errors.update(field_errors(error, value, prefix="policies", known=JobPolicies.model_fields))
        return {}


def _schedule(
    value: object, now: datetime, errors: dict[str, list[str]], job: Job | None = None
) -> ScheduleSpec | None:
    value = {"kind": "none"} if value is None else value
    if not isinstance(value, dict):
        errors["schedule"] = ['A schedule is an object such as {"cron": "0 9 * * *"} or {"every": "15m"}.']
        return None
    try:
        if job and _with_known_anchor(parse(value, min_interval=timedelta(0)), job.schedule_spec) == job.schedule_spec:
            return job.schedule_spec
        spec = parse(value, min_interval=settings.MAINSPRING.min_interval)
    except InvalidSchedule as error:
        errors.update({f"schedule.{name}".rstrip("."): texts for name, texts in error.errors.items()})
        return None
    if spec.kind is not Kind.NONE and next_after(anchored(spec, now), _first_mark(spec, now)) is None:
        field = (
            "end_at" if spec.end_at and spec.end_at <= now else spec.kind.value if spec.kind is not Kind.ONCE else "at"
        )
        errors[f"schedule.{field}"] = [
            f"This schedule names no instant after {now:%Y-%m-%d %H:%M:%S} UTC: it lies in the past."
        ]
        return None
    return spec


def anchored(schedule: ScheduleSpec, now: datetime) -> ScheduleSpec:
    """Give an interval that names no anchor the start of the schedule, else `now`."""
    if schedule.kind is Kind.EVERY and schedule.anchor_at is None:
        return with_anchor(schedule, schedule.start_at or now)
    return schedule


def _first_mark(spec: ScheduleSpec, now: datetime) -> datetime:
    return now - LATE_ONCE if spec.kind is Kind.ONCE else now


def _set_clock(job: Job, schedule: ScheduleSpec, now: datetime) -> None:
    schedule = anchored(schedule, now)
    job.schedule = to_json(schedule)
    job.mark_at = _first_mark(schedule, now)
    job.next_run_at = next_after(schedule, job.mark_at)
    job.n_scheduled = 0
    if job.state != JobState.PAUSED:
        job.state = JobState.ACTIVE if job.next_run_at or schedule.kind is Kind.NONE else JobState.ENDED


def _with_known_anchor(schedule: ScheduleSpec, before: ScheduleSpec) -> ScheduleSpec:
    """Give an interval that is set again without an anchor the one it had, so that it keeps its beat."""
    if schedule.kind is Kind.EVERY and schedule.anchor_at is None and before.anchor_at is not None:
        as_before = with_anchor(schedule, before.anchor_at)
        return as_before if as_before == before else schedule
    return schedule


def _is_changed(spec: RunSpec, definition: Definition) -> bool:
    return (spec.job_name, spec.target, spec.payload, spec.policies) != (
        definition.name,
        definition.target,
        definition.payload,
        definition.policies,
    )


def _freeze(job_id: UUID, definition: Definition, now: datetime) -> RunSpec:
    return freeze(
        {
            "job_id": job_id,
            "job_name": definition.name,
            "target_kind": definition.target["kind"],
            "target": definition.target,
            "payload": definition.payload,
            "policies": definition.policies,
        },
        now,
    )
