"""Validates job definitions against `JobDefinition`, and reports the errors of all members together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from access.visibility import ENGINE
from schedules.clock.effort import NO_LIMIT
from schedules.exceptions import InvalidDefinition
from schedules.jobs.members import JobDefinition, ValidationContext
from values.field_errors import field_errors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from access.visibility import Caller
    from schedules.clock.effort import Effort
    from schedules.clock.spec import ScheduleSpec
    from schedules.jobs.chains import StartAfter
    from schedules.models import Job


@dataclass(frozen=True, slots=True)
class Definition:
    """A valid definition.

    `members`: every member in its canonical JSON, as it is stored. `first_at`: the first instant of a new schedule,
    computed for `validated_at`; None for an unchanged schedule, and for the kind `none`.
    """

    members: Mapping[str, Any]
    schedule: ScheduleSpec
    start_after: tuple[StartAfter, ...]
    validated_at: datetime
    first_at: datetime | None

    def first_after(self, now: datetime) -> datetime | None:
        """Return `first_at` if it was computed for `now`, otherwise None."""
        return self.first_at if now == self.validated_at else None


def validate(
    data: Mapping[str, Any],
    now: datetime,
    job: Job | None = None,
    *,
    caller: Caller = ENGINE,
    effort: Effort = NO_LIMIT,
) -> Definition:
    """Return the definition in `data`, with defaults for members that are left out.

    `data`: members of `JobDefinition`; `name` and `target` are required. `job`: the job whose definition is replaced;
    its current schedule stays valid even if the schedule has ended. The caller must be allowed to see each job and flag
    that the definition names; but `job` may keep its flag. Raises InvalidDefinition with each wrong field; the schedule
    is one if it would cost more than `effort`.
    """
    context = ValidationContext(now, job, caller, effort)
    try:
        given = JobDefinition.model_validate(data, context=context)
    except ValidationError as error:
        raise InvalidDefinition(field_errors(error, data, model=JobDefinition)) from error
    return Definition(given.model_dump(mode="json"), given.schedule, given.start_after, now, context.first_at)
