"""What makes a valid job: its definition is read part by part, and everything that is wrong is told at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from pydantic import ValidationError

from access.visibility import ENGINE
from executions import targets
from executions.targets import InvalidTarget
from schedules import flags
from schedules.clock.anchors import anchored, first_mark, keep_anchors
from schedules.clock.occurrences import next_after
from schedules.clock.reading.schedule import parse
from schedules.clock.spec import DEFINING_FIELD, InvalidSchedule, Kind, ScheduleSpec
from schedules.exceptions import InvalidDefinition
from schedules.jobs import chains
from schedules.policies import JobPolicies, misfits
from values.field_errors import field_errors
from values.json_values import find_unstorable
from values.readable import value_or_none

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from access.visibility import Caller
    from schedules.jobs.chains import StartAfter
    from schedules.models import Job

FIELDS = ("name", "description", "schedule", "start_after", "target", "payload", "policies")
MAX_NAME, MAX_DESCRIPTION, MAX_PAYLOAD = 255, 10_000, 256 * 1024
MAX_UNKNOWN, MAX_SHOWN = 20, 100  # of a body full of nonsense, so many names, and so much of each, are told


@dataclass(frozen=True, slots=True)
class Definition:
    """A job's definition that has been found valid, each part in its canonical JSON."""

    name: str
    description: str
    schedule: ScheduleSpec
    target: dict[str, Any]
    payload: Any
    policies: dict[str, Any]
    start_after: tuple[StartAfter, ...] = ()


def validate(data: Mapping[str, Any], now: datetime, job: Job | None = None, *, caller: Caller = ENGINE) -> Definition:
    """Return the definition that `data` describes, with defaults for what it leaves out.

    `data` has the members of `FIELDS`: `name` and `target` are required; without `schedule` the job starts
    only by hand. With the `job` that it is to replace, a schedule that stays as it is is not judged again: it may
    have ended since. Other jobs and flags are found only if the caller may see them. Raises InvalidDefinition with every dotted field that is wrong.
    """
    errors: dict[str, list[str]] = {}
    for name in sorted(data.keys() - set(FIELDS))[:MAX_UNKNOWN]:
        errors[name[:MAX_SHOWN]] = [f"There is no such field. The fields are {', '.join(FIELDS)}."]
    name = _text(data, "name", MAX_NAME, errors)
    if not name and "name" not in errors:
        errors["name"] = ["A job needs a name."]
    description = _text(data, "description", MAX_DESCRIPTION, errors)
    payload = data.get("payload")
    payload_errors = _payload_errors(payload)
    target = _target(data.get("target"), payload, errors, judge_payload=not payload_errors)
    errors.update(payload_errors)
    schedule = _schedule(data.get("schedule"), now, errors, job)
    has_schedule = schedule is None or schedule.kind is not Kind.NONE
    policies = _policies(data.get("policies"), errors, caller, has_schedule=has_schedule)
    start_after = _start_after(data.get("start_after"), errors, job, caller)
    if errors or schedule is None:
        raise InvalidDefinition(errors)
    return Definition(name, description, schedule, target, payload, policies, start_after)


def validate_schedule(data: object, now: datetime) -> ScheduleSpec:
    """Return the schedule that `data` describes, an interval with its anchor. Raises InvalidDefinition, its fields under `schedule`."""
    errors: dict[str, list[str]] = {}
    schedule = _schedule(data, now, errors)
    if schedule is None:
        raise InvalidDefinition(errors)
    return anchored(schedule, now)


def _text(data: Mapping[str, Any], field: str, longest: int, errors: dict[str, list[str]]) -> str:
    value = data.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        errors[field] = ["This takes text."]
    elif problem := find_unstorable(value, field):
        errors[field] = [problem[1]]
    elif len(value) > longest:
        errors[field] = [f"This has {len(value)} characters; at most {longest} fit."]
    else:
        return value.strip()
    return ""


def _payload_errors(payload: object) -> dict[str, list[str]]:
    if problem := find_unstorable(payload, "payload"):
        return {problem[0]: [problem[1]]}
    if (size := len(json.dumps(payload))) > MAX_PAYLOAD:
        return {"payload": [f"The payload has {size} bytes as JSON; at most {MAX_PAYLOAD} fit."]}
    return {}


def _target(value: object, payload: Any, errors: dict[str, list[str]], *, judge_payload: bool) -> dict[str, Any]:
    try:
        config = targets.parse(value, payload) if judge_payload else targets.parse_config(value)
        return config.model_dump(mode="json")
    except InvalidTarget as error:
        for name, texts in error.errors.items():
            errors[name if name.split(".")[0] == "payload" else f"target.{name}".rstrip(".")] = texts
        return {}


def _policies(value: object, errors: dict[str, list[str]], caller: Caller, *, has_schedule: bool) -> dict[str, Any]:
    try:
        policies = JobPolicies.model_validate({} if value is None else value)
    except ValidationError as error:
        errors.update(field_errors(error, value, prefix="policies", known_names=JobPolicies.model_fields))
        return {}
    for name, sentence in misfits(policies, has_schedule=has_schedule).items():
        errors[f"policies.{name}"] = [sentence]
    if policies.feature_flag and not flags.exists(policies.feature_flag, caller):
        errors["policies.feature_flag"] = [f"There is no feature flag “{policies.feature_flag}”: make it before."]
    return policies.model_dump(mode="json")


def _start_after(
    value: object, errors: dict[str, list[str]], job: Job | None, caller: Caller
) -> tuple[StartAfter, ...]:
    try:
        return chains.read(value, job, caller)
    except InvalidDefinition as invalid:
        errors.update(invalid.errors)
        return ()


def _schedule(
    value: object, now: datetime, errors: dict[str, list[str]], job: Job | None = None
) -> ScheduleSpec | None:
    value = {"kind": "none"} if value is None else value
    if not isinstance(value, dict | list):
        errors["schedule"] = [
            'A schedule is an object such as {"cron": "0 9 * * *"} or {"every": "15m"}, or a list of them.'
        ]
        return None
    try:
        before = value_or_none(job.readable_schedule) if job else None
        if before and keep_anchors(parse(value, min_interval=timedelta(0)), before) == before:
            return before
        spec = parse(value, min_interval=settings.MAINSPRING.min_interval)
    except InvalidSchedule as error:
        errors.update({f"schedule.{name}".rstrip("."): texts for name, texts in error.errors.items()})
        return None
    if spec.kind is not Kind.NONE and next_after(anchored(spec, now), first_mark(spec, now)) is None:
        field = "end_at" if spec.end_at and spec.end_at <= now else DEFINING_FIELD[spec.kind]
        errors[f"schedule.{field}"] = [
            f"This schedule names no instant after {now:%Y-%m-%d %H:%M:%S} UTC: it lies in the past."
        ]
        return None
    return spec
