"""Which jobs are meant: by what the list of jobs can be filtered by too, or by their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from django.db.models import Q
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from access.visibility import changeable
from executions.targets import TARGETS
from schedules.models import Job, JobState, jobs_named
from values.json_values import find_unstorable

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from access.visibility import Caller

MOST_IDS = 1000


def read_target_kind(value: str) -> str:
    """Return the kind of a target. Raises ValueError for one that there is not."""
    if value not in TARGETS:
        raise ValueError(f"target_kind takes {' or '.join(TARGETS)}.")
    return value


def _sound(value: str) -> str:
    if problem := find_unstorable(value):
        raise ValueError(problem[1])
    return value


TargetKind = Annotated[str, AfterValidator(read_target_kind), WithJsonSchema({"type": "string", "enum": list(TARGETS)})]
Text = Annotated[str, AfterValidator(_sound)]


class Selection(BaseModel):
    """Jobs that all of these are true of; an empty one is all jobs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target_kind: TargetKind | None = None
    name: Annotated[Text, Field(max_length=255)] | None = Field(None, description="Jobs with exactly this name.")
    search: Annotated[Text, Field(min_length=1, max_length=255)] | None = Field(
        None,
        description="Jobs with this in their name, in upper or lower case. "
        "One or two characters are looked for at the start of the name.",
    )
    ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_IDS)] | None = None

    @property
    def wanted(self) -> Q:
        """What is asked of a job's definition, for a query on jobs."""
        wanted = Q()
        if self.target_kind:
            wanted &= Q(spec__target_kind=self.target_kind)
        if self.name is not None:
            wanted &= Q(spec__job_name=self.name)
        if self.search:
            wanted &= jobs_named(self.search)
        if wanted:
            wanted &= Q(spec__superseded_at=None)  # always so, and lets the indexes of the definitions be used
        return wanted

    def active_jobs(self, before: datetime, caller: Caller) -> QuerySet[Job]:
        """Return the active jobs that were created before this instant and that the caller may change."""
        jobs = changeable(Job, caller).filter(self.wanted, state=JobState.ACTIVE, created_at__lte=before)
        return jobs if self.ids is None else jobs.filter(pk__in=self.ids)
