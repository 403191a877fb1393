"""Filters of the job list. Their choices are fixed in the code: a query for the choices would scan the whole table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unfold.contrib.filters.admin import DropdownFilter

from executions.targets import TARGETS
from schedules.admin.form.form import KINDS, TARGET_KINDS
from schedules.models import Job, JobState

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.db.models import QuerySet
    from django.http import HttpRequest


class StateFilter(DropdownFilter):  # type: ignore[misc]  # the theme has no types
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Job]) -> list[tuple[str, str]]:
        return [(state.value, str(state.label)) for state in JobState]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(state=self.value()) if self.value() else queryset


class TargetFilter(DropdownFilter):  # type: ignore[misc]  # the theme has no types
    title = "target"
    parameter_name = "target"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Job]) -> list[tuple[str, str]]:
        labels = dict(TARGET_KINDS)
        return [(kind, labels.get(kind, kind)) for kind in TARGETS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(spec__target_kind=self.value()) if self.value() else queryset


class ScheduleFilter(DropdownFilter):  # type: ignore[misc]  # the theme has no types
    title = "kind of schedule"
    parameter_name = "schedule"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Job]) -> list[tuple[str, str]]:
        return list(KINDS)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(schedule__kind=self.value()) if self.value() else queryset
