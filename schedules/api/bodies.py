"""From a request's body to a job's definition: what is passed over, and what cannot be set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from access.api.bodies import read_body, read_object
from access.api.exceptions import InvalidInput
from schedules.api.shapes import Job as JobShape
from schedules.api.shapes import Pause, Resume
from schedules.clock.policies.resumption import Resumption
from schedules.jobs.members import MEMBERS, stored_members
from values.json_values import find_unstorable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rest_framework.request import Request

    from schedules.models import Job


UNREAD = "This was null as it could not be read: give a new one, or leave out unreadable to have the default."
Terms = TypeVar("Terms", bound=Pause)
READ_ONLY = frozenset(JobShape.model_fields) - frozenset(MEMBERS)
ELSEWHERE = {
    "key": "register it under a key instead, by PUT /jobs/by-key/{key}",
    "state": "pause or resume the job instead",
    "pause_reason": "pause the job with a reason instead",
    "paused_until_at": "pause the job until then instead",
    "schedule_description": "change schedule instead",
    "starts": "change start_after of the other job instead",
}


def read_sound(request: Request) -> dict[str, Any]:
    """Return the body, a JSON object that can be stored. Raises InvalidInput with the field that could not."""
    data = read_object(request)
    if problem := find_unstorable(data):
        raise InvalidInput({problem[0]: [problem[1]]})
    return data


def read_pause(request: Request, model: type[Terms], now: datetime) -> Terms:
    """Return the terms of a pause. Raises InvalidInput for an end that is past, and for what only an end gives a meaning."""
    asked = read_body(request, model)
    if asked.until and asked.until <= now:
        raise InvalidInput({"until": ["This is not in the future: give an instant that is, or leave it out."]})
    if asked.until is None and asked.catch_up is not Resumption.NONE:
        why = "catch_up says what starts when the pause ends by itself: say until when it lasts, or leave catch_up out."
        raise InvalidInput({"until": [why]})
    return asked


def read_resume(request: Request) -> Resume:
    """Return how a pause is to end. Raises InvalidInput for a number of runs where there is nothing to count."""
    asked = read_body(request, Resume)
    if "max_runs" in asked.model_fields_set and asked.catch_up is not Resumption.ALL:
        raise InvalidInput({"max_runs": ["This goes with catch_up all, and no other: leave it out, or say all."]})
    return asked


def read_definition(request: Request) -> dict[str, Any]:
    """Return a job's body without the read-only members that its GET shows: what was read can be sent back.

    Raises InvalidInput where that would put the default in the place of something that could not be read.
    """
    data = read_sound(request)
    if errors := {name: [UNREAD] for name in unread_in(data)}:
        raise InvalidInput(errors)
    return settable(data)


def unread_in(data: dict[str, Any]) -> list[str]:
    """Return the members that are null since they could not be read when they were shown."""
    unread = data.get("unreadable")
    return [name for name in unread if data.get(name, "") is None] if isinstance(unread, dict) else []


def settable(data: dict[str, Any]) -> dict[str, Any]:
    """Return the members without those that a job only shows."""
    return {name: value for name, value in data.items() if name not in READ_ONLY}


def changed_definition(job: Job, change: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job's definition with some members changed. Null takes a member out, which then has its default."""
    merged = {**stored_members(job), **change}
    return {name: value for name, value in merged.items() if value is not None}


def read_change(request: Request) -> dict[str, Any]:
    """Return the members that a PATCH changes. Raises InvalidInput for those that cannot be changed."""
    data = read_sound(request)
    errors = {name: [f"This cannot be set: {ELSEWHERE.get(name, 'leave it out')}."] for name in data.keys() & READ_ONLY}
    if errors:
        raise InvalidInput(errors)
    return data
