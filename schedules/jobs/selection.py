"""Selects jobs by kind of target, name and ids: for pauses of many jobs, and (without ids) for the list of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from django.db.models import Q
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, WithJsonSchema, field_validator

from access.visibility import changeable
from executions.targets import TARGETS
from schedules.models import HAS_PRESENT_SPEC, MAX_JOB_NAME_LENGTH, Job, JobState, jobs_named
from values.json_values import storable
from values.suggestions import did_you_mean

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

    from access.visibility import Caller

MAX_SELECTED_IDS = 1000  # ids in one selection; limited because all of them are stored and shown


def read_target_kind(value: str) -> str:
    """Return `value`. Raises ValueError if there is no kind of target with this name."""
    if value not in TARGETS:
        raise ValueError(f"target_kind must be {' or '.join(TARGETS)}.{did_you_mean(value, TARGETS)}")
    return value


TargetKind = Annotated[str, AfterValidator(read_target_kind), WithJsonSchema({"type": "string", "enum": list(TARGETS)})]
Text = Annotated[str, AfterValidator(storable)]


class Selection(BaseModel):
    """Conditions on jobs. A selected job meets every given condition. Without conditions, all jobs are selected."""

    # Null is refused: a variable that is not set in a script must not select all jobs.
    model_config = ConfigDict(extra="forbid", frozen=True)

    target_kind: TargetKind | None = Field(None, description="Jobs with this kind of target.")
    name: Annotated[Text, Field(max_length=MAX_JOB_NAME_LENGTH)] | None = Field(
        None, description="Jobs with exactly this name."
    )
    search: Annotated[Text, Field(min_length=1, max_length=MAX_JOB_NAME_LENGTH)] | None = Field(
        None,
        description="Jobs whose name contains this text, ignoring case. A text of one or two characters matches only "
        "the start of the name.",
    )
    ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_SELECTED_IDS)] | None = Field(
        None, description="Jobs with these ids."
    )

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_null(cls, value: object, info: ValidationInfo) -> object:
        if value is None:
            raise ValueError(f"{info.field_name} must not be null: leave it out to select jobs without this condition.")
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        found = handler(schema)
        if handler.mode == "validation":
            for member in handler.resolve_ref_schema(found)["properties"].values():
                [kind] = [each for each in member.pop("anyOf", []) if each != {"type": "null"}]
                del member["default"]
                member |= kind
        return found

    @property
    def conditions(self) -> Q:
        """The query conditions on jobs, except the condition on `ids`."""
        conditions = Q()
        if self.target_kind:
            conditions &= Q(spec__target_kind=self.target_kind)
        if self.name is not None:
            conditions &= Q(spec__job_name=self.name)
        if self.search:
            conditions &= jobs_named(self.search)
        if conditions:
            conditions &= HAS_PRESENT_SPEC
        return conditions

    def active_jobs(self, before: datetime, caller: Caller) -> QuerySet[Job]:
        """Return the selected jobs that are active, were not created after `before`, and may be changed by `caller`."""
        jobs = changeable(Job, caller).filter(self.conditions, state=JobState.ACTIVE, created_at__lte=before)
        return jobs if self.ids is None else jobs.filter(pk__in=self.ids)
