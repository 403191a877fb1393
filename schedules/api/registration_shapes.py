"""Request and response bodies of registrations: jobs with keys, and what was done with each job."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, WithJsonSchema

from access.api.schema import DocumentedAs, Shape
from schedules.api.bodies import UNREADABLE_WAS_NULL, null_because_unreadable
from schedules.api.read_only import NewJob, split
from schedules.jobs.registration import (
    KEY_PATTERN,
    KEY_RULE,
    MAX_INVALID_JOBS,
    MAX_JOBS_PER_REGISTRATION,
    Outcome,
    is_key,
)
from schedules.models import JobState
from values.field_errors import sentences
from values.json_values import find_unstorable

INVALID_KEY = f"A key must be {KEY_RULE}."


class KeyedDefinition(NewJob):
    """A job's definition and its key."""

    key: str = Field(
        pattern=f"^{KEY_PATTERN.pattern}$",
        description=f"The job's key, chosen by the service that registers the job. The key must be {KEY_RULE}.",
    )


def _check_entries(entries: list[Any]) -> list[Any]:
    """Return the entries. Raises ValidationError if an entry is invalid. Stops after `MAX_INVALID_JOBS` errors.

    An entry must be a storable object with a valid and unique key. Its members that are listed in `unreadable` must not
    be null.
    """
    errors: dict[str, list[str]] = {}
    keys: set[str] = set()
    for place, entry in enumerate(entries):
        field = f"jobs.{place}"
        key = entry.get("key") if isinstance(entry, dict) else None
        if not isinstance(entry, dict):
            errors[field] = ["This must be an object: a job's definition with its key."]
        elif problem := find_unstorable(entry, field):
            errors[problem[0]] = [problem[1]]
        elif not isinstance(key, str) or not is_key(key):
            errors[f"{field}.key"] = [INVALID_KEY]
        elif key in keys:
            errors[f"{field}.key"] = [f"Another entry has the same key, “{key}”: give each job its own key."]
        else:
            keys.add(key)
            errors |= {f"{field}.{name}": [UNREADABLE_WAS_NULL] for name in null_because_unreadable(entry)}
        if len(errors) >= MAX_INVALID_JOBS:
            break
    if errors:
        raise sentences(errors)
    return entries


class Registration(Shape):
    """Jobs to register, each under its own key."""

    # This model only documents the definitions. `register` validates each one against the job that has its key.
    jobs: Annotated[
        list[Annotated[Any, DocumentedAs(KeyedDefinition)]],
        Field(max_length=MAX_JOBS_PER_REGISTRATION),
        AfterValidator(_check_entries),
    ]

    @property
    def definitions(self) -> dict[str, dict[str, Any]]:
        """The definitions by key, in the order of the request, without read-only members."""
        return {entry["key"]: split(entry)[0] for entry in self.jobs}

    @property
    def read_only(self) -> dict[str, dict[str, Any]]:
        """The read-only members of each definition by key, without the key."""
        return {
            entry["key"]: {name: value for name, value in split(entry)[1].items() if name != "key"}
            for entry in self.jobs
        }


class Registered(Shape):
    key: str
    id: UUID
    outcome: Outcome = Field(description="What was done to the job. `unchanged`: it already had this definition.")
    state: Annotated[str, WithJsonSchema({"enum": JobState.values, "type": "string"})] = Field(
        description="The job's state after the registration."
    )


class RegisteredJobs(Shape):
    """The outcome for each job, in the order of the request."""

    jobs: list[Registered]
