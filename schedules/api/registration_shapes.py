"""Registrations as the API takes and shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from pydantic import Field

from access.api.bodies import read_body
from access.api.exceptions import InvalidInput
from access.api.schema import DocumentedAs, Shape
from schedules.api.bodies import UNREAD, settable, unread_in
from schedules.jobs import registration
from schedules.jobs.members import JobDefinition
from schedules.jobs.registration import KEY, KEY_WORDS, MOST, Outcome
from values.json_values import find_unstorable

if TYPE_CHECKING:
    from rest_framework.request import Request

BAD_KEY = f"A key is made of {KEY_WORDS}."


class KeyedDefinition(JobDefinition):
    """A job's definition, and the key that it is to be known under."""

    key: str = Field(pattern=f"^{KEY.pattern}$", description=f"The caller's own: {KEY_WORDS}.")


class Registration(Shape):
    """Jobs that there are to be. Each key is named once."""

    jobs: list[KeyedDefinition] = Field(max_length=MOST)


class Registered(Shape):
    key: str
    id: UUID
    outcome: Outcome = Field(description="`unchanged`: it was so already, and was not touched.")


class RegisteredJobs(Shape):
    """What became of each job, in the order of the request."""

    jobs: list[Registered]


class _Asked(Shape):
    """As `Registration`, with each definition left for `validate` to read."""

    jobs: list[Annotated[Any, DocumentedAs(KeyedDefinition)]] = Field(max_length=MOST)


def read_registration(request: Request) -> dict[str, dict[str, Any]]:
    """Return the definitions by key, in the order of the request. Raises InvalidInput, its fields under `jobs.<place>`."""
    asked: list[Any] = read_body(request, _Asked).jobs
    wanted: dict[str, dict[str, Any]] = {}
    errors: dict[str, list[str]] = {}
    for place, data in enumerate(asked):
        key = data.get("key") if isinstance(data, dict) else None
        if not isinstance(data, dict):
            errors[f"jobs.{place}"] = ["This takes a job's definition, an object, with its key."]
        elif problem := find_unstorable(data, f"jobs.{place}"):
            errors[problem[0]] = [problem[1]]
        elif not isinstance(key, str) or not registration.is_key(key):
            errors[f"jobs.{place}.key"] = [BAD_KEY]
        elif key in wanted:
            errors[f"jobs.{place}.key"] = [f"“{key}” stands here twice: name each key once."]
        else:
            errors.update({f"jobs.{place}.{name}": [UNREAD] for name in unread_in(data)})
            wanted[key] = settable(data)
        if len(errors) >= registration.MOST_WRONG:
            break
    if errors:
        raise InvalidInput(errors)
    return wanted
