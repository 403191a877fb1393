"""Reads the request bodies of jobs: definitions, changes, pauses and resumptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from access.api.bodies import read_body, read_object
from access.api.exceptions import InvalidInput
from schedules.api.read_only import INSTEAD, READ_ONLY, split
from schedules.api.shapes import Pause, Resume
from schedules.clock.policies.resumption import Resumption
from schedules.jobs import chains
from schedules.jobs.members import MEMBERS, stored_members
from schedules.jobs.merging import merged
from values.json_values import find_unstorable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rest_framework.request import Request

    from access.visibility import Caller
    from schedules.models import Job


UNREADABLE_WAS_NULL = (
    "This is null because the stored value could not be read: send a new value, or remove the member “unreadable” to "
    "use the default."
)
AnyPause = TypeVar("AnyPause", bound=Pause)


def read_storable(request: Request) -> dict[str, Any]:
    """Return the body, a JSON object. Raises InvalidInput if a field cannot be stored. The error names one field."""
    data = read_object(request)
    if problem := find_unstorable(data):
        raise InvalidInput({problem[0]: [problem[1]]})
    return data


def read_pause(request: Request, model: type[AnyPause], now: datetime) -> AnyPause:
    """Return the body of a request to pause. Raises InvalidDefinition if the terms of the pause are invalid."""
    body = read_body(request, model)
    body.terms.check(now)
    return body


def read_resume(request: Request) -> Resume:
    """Return the body of a request to resume.

    Raises InvalidInput if `max_runs` is given and `catch_up` is not `all`.
    """
    body = read_body(request, Resume)
    if "max_runs" in body.model_fields_set and body.catch_up is not Resumption.ALL:
        raise InvalidInput(
            {"max_runs": ["max_runs requires catch_up “all”: set catch_up to “all”, or leave max_runs out."]}
        )
    return body


def read_definition(request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the definition in the body, and the read-only members: clients may send back the response of a GET.

    Raises InvalidInput for a member that is null because its stored value cannot be read: saving null would reset the
    member to its default.
    """
    data = read_storable(request)
    if errors := {name: [UNREADABLE_WAS_NULL] for name in null_because_unreadable(data)}:
        raise InvalidInput(errors)
    return split(data)


def null_because_unreadable(data: dict[str, Any]) -> list[str]:
    """Return the names of the members that are null and listed in `unreadable`: their stored values cannot be read."""
    unreadable = data.get("unreadable")
    return [name for name in unreadable if data.get(name, "") is None] if isinstance(unreadable, dict) else []


def changed_definition(job: Job, change: Mapping[str, Any], caller: Caller, now: datetime) -> dict[str, Any]:
    """Return the job's definition after a change (see `merged`), without known members that are null.

    Validation gives a null member its default. A member that cannot be read is replaced, not merged.
    """
    stored = stored_members(job, chains.of(job.pk, caller))
    base = {name: value for name, value in stored.items() if name not in change.keys() & job.unreadable.keys()}
    return {
        name: value for name, value in merged(base, change, now).items() if value is not None or name not in MEMBERS
    }


def read_change(request: Request) -> dict[str, Any]:
    """Return the members that a PATCH changes. Raises InvalidInput if a member is read-only or cannot be stored."""
    data = read_storable(request)
    errors = {name: [f"{name} is read-only: {INSTEAD.get(name, 'leave it out')}."] for name in data.keys() & READ_ONLY}
    if errors:
        raise InvalidInput(errors)
    return data
