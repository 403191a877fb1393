"""Members of a job that no definition contains: how `POST` and `PUT` treat them.

A client may send back what a `GET` shows. The members in `StateAtCreation` set the state of a new job. Every other
read-only member must have the value that the job has, or had earlier: another value is refused, not ignored.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, WithJsonSchema

from access.api.exceptions import InvalidInput
from access.api.parameters import Instant
from access.api.schema import Shape
from schedules.api.shapes import Job as JobShape
from schedules.clock.policies.resumption import Resumption
from schedules.exceptions import InvalidDefinition
from schedules.jobs.members import MEMBERS, JobDefinition
from schedules.models import MAX_PAUSE_REASON_LENGTH, JobState
from schedules.pauses.terms import PauseTerms, read_reason
from values.field_errors import field_errors
from values.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self


# What to do instead of changing a read-only member.
INSTEAD = {
    "key": "to use another key, register a new job with PUT /jobs/by-key/{key}",
    "state": "pause or resume the job with POST /jobs/{id}/pause or /jobs/{id}/resume",
    "enabled": "pause or resume the job with POST /jobs/{id}/pause or /jobs/{id}/resume",
    "pause_reason": "pause the job with another reason",
    "paused_until_at": "pause the job until another instant",
    "pause_catch_up": "pause the job with another catch_up",
    "next_run_at": "change the schedule, or run the job with POST /jobs/{id}/run",
    "schedule_description": "change the schedule",
    "starts": "change start_after of the job that should start",
}


def _read_state(value: object) -> object:
    if value in (JobState.ACTIVE, JobState.PAUSED):
        return value
    hint = did_you_mean(value, JobState.values) if isinstance(value, str) and value != JobState.ENDED else ""
    raise ValueError(f"A job is created “active” or “paused”.{hint}")


class StateAtCreation(Shape):
    """The state in which a job is created."""

    state: Annotated[
        str,
        BeforeValidator(_read_state),
        # Not as an `enum`: a second one for `state` would change the name of the component `StateEnum`.
        WithJsonSchema({"type": "string", "anyOf": [{"const": "active"}, {"const": "paused"}]}),
    ] = Field(
        JobState.ACTIVE,
        description="The state in which the job is created. A paused job does not run until it is resumed. For a job "
        "that exists, see the description of the operation.",
    )
    enabled: Annotated[bool, Field(strict=True)] = Field(
        True, description="False means the same as `state` `paused`, and true the same as `state` `active`."
    )
    pause_reason: Annotated[str, AfterValidator(read_reason), Field(max_length=MAX_PAUSE_REASON_LENGTH)] | None = Field(
        None, description="Why the job is created paused."
    )
    paused_until_at: Instant | None = Field(None, description="When the pause ends by itself. Null: never.")
    pause_catch_up: Resumption | None = Field(
        None, description="Which occurrences during the pause are started at `paused_until_at`. Default: `none`."
    )

    @classmethod
    def read(cls, sent: Mapping[str, Any]) -> Self:
        """Return the state that the read-only members request. Raises InvalidInput."""
        given = {name: sent[name] for name in cls.model_fields if name in sent}
        try:
            found = cls.model_validate(given)
        except ValidationError as error:
            raise InvalidInput(field_errors(error, given, model=cls)) from error
        if {"state", "enabled"} <= found.model_fields_set and found.enabled != (found.state == JobState.ACTIVE):
            contradiction = f"enabled contradicts the state “{found.state}”: leave one of them out."
            raise InvalidInput({"enabled": [contradiction]})
        return found

    def pause_of_new(self, now: datetime) -> PauseTerms | None:
        """Return the terms of the pause in which a job is created at `now`; None: it is created active.

        Raises InvalidInput if the terms are invalid, or given for an active job.
        """
        if self.enabled and self.state == JobState.ACTIVE:
            given = [name for name in ("pause_reason", "paused_until_at", "pause_catch_up") if getattr(self, name)]
            if given:
                why = " applies only to a job that is created paused: add “state”: “paused”, or leave it out."
                raise InvalidInput({name: [name + why] for name in given})
            return None
        terms = PauseTerms(self.pause_reason or "", self.paused_until_at, self.pause_catch_up or Resumption.NONE)
        try:
            terms.check(now, "paused_until_at")
        except InvalidDefinition as invalid:
            raise InvalidInput(invalid.errors) from invalid
        return terms


class NewJob(StateAtCreation, JobDefinition):
    """The definition of a job, and the state in which the job is created.

    The other members of a job, such as `id`, may be sent back if they have the values that the job has.
    """


# `enabled` is no member of a job, but people send it.
READ_ONLY = (frozenset(JobShape.model_fields) | {"enabled"}) - frozenset(MEMBERS)


def split(data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the members of the definition in `data`, and the read-only members."""
    definition = {name: value for name, value in data.items() if name not in READ_ONLY}
    return definition, {name: data[name] for name in data.keys() & READ_ONLY}


def without_state(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the read-only members that are not the state in which a job is created."""
    return {name: value for name, value in sent.items() if name not in StateAtCreation.model_fields}


def check_state(sent: Mapping[str, Any]) -> None:
    """Raise InvalidInput if the registration of an existing job contains a state or a pause that no job can have.

    The registration does not change the job's state.
    """
    errors: dict[str, list[str]] = {}
    if "state" in sent and sent["state"] not in JobState.values:
        errors["state"] = [f"state must be one of {', '.join(JobState.values)}."]
    if "enabled" in sent and not isinstance(sent["enabled"], bool):
        errors["enabled"] = ["enabled must be true or false."]
    pause = {name: sent[name] for name in ("pause_reason", "paused_until_at", "pause_catch_up") if name in sent}
    try:
        StateAtCreation.model_validate(pause)
    except ValidationError as error:
        errors |= field_errors(error, pause, model=StateAtCreation)
    if errors:
        raise InvalidInput(errors)


def check_sent_back(sent: Mapping[str, Any], before: JobShape | None, after: JobShape, now: datetime) -> None:
    """Raise InvalidInput for each read-only member in `sent` that a `GET` of the job cannot have shown up to `now`.

    `before` and `after`: the job before and after the request. `before` None: the request has created the job.
    """
    states = [{**shape.json_body(), "enabled": shape.state != JobState.PAUSED} for shape in (before, after) if shape]
    errors: dict[str, list[str]] = {}
    for name in sorted(sent):
        value, present = sent[name], states[-1][name]
        if any(_is_same(value, state[name]) for state in states) or (before and _was_shown(name, value, after, now)):
            continue
        instead = INSTEAD.get(name, "get the job again" if before else "Mainspring sets it")
        shown = f" (now {present})" if before and isinstance(present, str | int) else ""
        errors[name] = [f"{name} is read-only{shown}: leave it out, or {instead}."]
    if errors:
        raise InvalidInput(errors)


def _is_same(value: object, present: object) -> bool:
    if isinstance(value, str) and isinstance(present, str):
        instants = _read_instant(value), _read_instant(present)
        return value == present or (instants[0] is not None and instants[0] == instants[1])
    return type(value) is type(present) and value == present


def _read_instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def _was_shown(name: str, value: object, after: Any, now: datetime) -> bool:
    """Whether the job may have had another value earlier: the clock and other people change some members."""
    match name:
        case "schedule_description":
            return isinstance(value, str)
        case "unreadable":
            return isinstance(value, dict)
        case "version":
            return type(value) is int and 1 <= value <= after.version
        case "updated_at" | "paused_at" | "next_run_at" | "next_start_at":
            if value is None:  # nothing was planned: the job was not active, or a run of a delay was live
                return True
            at = _read_instant(value) if isinstance(value, str) else None
            # An occurrence that is due has another `next_run_at` at once, but jitter may delay its start.
            delay = after.policies.jitter if name == "next_start_at" and after.policies else timedelta(0)
            return at is not None and at <= now + delay
        case _:
            return False
