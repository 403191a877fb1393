"""From a request's body to a job's definition: what is passed over, and what cannot be set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from access.api.bodies import read_object
from access.api.exceptions import InvalidInput
from executions.targets.jsonsafe import find_flaw
from schedules import chains
from schedules.api.shapes import Job as JobShape
from schedules.validation import FIELDS

if TYPE_CHECKING:
    from rest_framework.request import Request

    from schedules.models import Job

UNREAD = "This was null as it could not be read: give a new one, or leave out unreadable to have the default."
READ_ONLY = frozenset(JobShape.model_fields) - frozenset(FIELDS)
ELSEWHERE = {
    "state": "pause or resume the job instead",
    "pause_reason": "pause the job with a reason instead",
    "paused_until_at": "pause the job until then instead",
    "schedule_description": "change schedule instead",
    "starts": "change start_after of the other job instead",
}


def read_sound(request: Request) -> dict[str, Any]:
    """Return the body, a JSON object that can be stored. Raises InvalidInput with the field that could not."""
    data = read_object(request)
    if flaw := find_flaw(data):
        raise InvalidInput({flaw[0]: [flaw[1]]})
    return data


def read_definition(request: Request) -> dict[str, Any]:
    """Return a job's body without the read-only members that its GET shows: what was read can be sent back.

    Raises InvalidInput where that would put the default in the place of something that could not be read.
    """
    data = read_sound(request)
    unread = data.get("unreadable")
    if errors := {name: [UNREAD] for name in unread if data.get(name, "") is None} if isinstance(unread, dict) else {}:
        raise InvalidInput(errors)
    return {name: value for name, value in data.items() if name not in READ_ONLY}


def read_change(request: Request) -> dict[str, Any]:
    """Return the members that a PATCH changes. Raises InvalidInput for those that cannot be changed."""
    data = read_sound(request)
    errors = {name: [f"This cannot be set: {ELSEWHERE.get(name, 'leave it out')}."] for name in data.keys() & READ_ONLY}
    if errors:
        raise InvalidInput(errors)
    return data


def definition_of(job: Job) -> dict[str, Any]:
    """Return a job's definition, member by member, as it would be sent."""
    return {
        "name": job.name,
        "description": job.description,
        "schedule": job.schedule,
        "start_after": chains.as_json(chains.of(job.pk)),
        "target": job.target,
        "payload": job.spec.payload,
        "policies": job.spec.policies,
    }
