"""The admin of django-celery-beat's tables: housekeeping tasks, and periodic tasks that are not Mainspring jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from celery.schedules import ParseException
from django import forms
from django.contrib import admin, messages
from django_celery_beat.admin import (
    ClockedScheduleAdmin,
    CrontabScheduleAdmin,
    IntervalScheduleAdmin,
    PeriodicTaskAdmin,
    PeriodicTaskForm,
    TaskSelectWidget,
)
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from access.admin.theming import ModelAdmin
from access.visibility import caller_of
from schedules.passes.housekeeping import find_switched_off, is_housekeeping
from schedules.passes.periodic import JSON_FIELDS, read_json
from values.json_values import InvalidMembers, loads

if TYPE_CHECKING:
    from typing import Any

    from django.db.models import Field, QuerySet
    from django.http import HttpRequest

# The fields of a housekeeping row that users may change. All other fields are read-only.
EDITABLE_FIELDS = {"enabled", "description", "interval", "crontab", "solar", "clocked"}
OFF = "Housekeeping tasks are disabled: {}. Mainspring does not do their work until you enable them."

for _model in (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule):
    admin.site.unregister(_model)


class ThemedTaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):  # type: ignore[misc]  # neither has types
    """django-celery-beat's list of Celery tasks, in the style of the theme."""


class ThemedTaskForm(PeriodicTaskForm):  # type: ignore[misc]  # the package has no types
    """django-celery-beat's form in the style of the theme. Most fields of a housekeeping row are disabled."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "task" in self.fields:  # absent for callers who may only view
            self.fields["task"].widget = UnfoldAdminTextInputWidget()
            self.fields["regtask"].widget = ThemedTaskSelect()
        if is_housekeeping(self.instance.name):
            for name, field in self.fields.items():
                field.disabled = name not in EDITABLE_FIELDS

    def clean(self) -> dict[str, Any]:
        # The package's form expects the name of a task, even of one that was refused.
        data: dict[str, Any] = self.cleaned_data if "task" in self.errors else super().clean()
        return data

    def clean_headers(self) -> str:
        return self._clean_json("headers")

    def _clean_json(self, field: str) -> str:
        """Return the JSON text of a field, or `[]` or `{}` if the field is empty.

        Raises forms.ValidationError for JSON that the beat cannot use, and for a name that an object has twice.
        """
        text: str = self.cleaned_data[field] or JSON_FIELDS[field].empty
        try:
            read_json(field, text)
            loads(text, allow_nan=True)  # a task's message may hold NaN
        except InvalidMembers as invalid:
            raise forms.ValidationError(str(invalid)) from None
        except ValueError as error:
            raise forms.ValidationError(f"{error}.") from None
        return text


@admin.register(PeriodicTask)
class ClassicTaskAdmin(PeriodicTaskAdmin, ModelAdmin[PeriodicTask]):  # type: ignore[misc]  # the package has no types
    """The admin of PeriodicTask rows, which the beat fires by django-celery-beat's own rules."""

    form = ThemedTaskForm
    list_before_template = "schedules/admin/periodic_note.html"
    change_list_template = "admin/change_list.html"
    change_form_template = (
        "admin/change_form.html"  # the package's template has an inline script: the content security policy blocks it
    )

    @admin.display(description="Crontab in words")
    def crontab_translation(self, obj: PeriodicTask) -> str | None:
        return _in_words(obj.crontab) if obj.crontab else None

    def has_delete_permission(self, request: HttpRequest, obj: PeriodicTask | None = None) -> bool:
        is_ours = obj is not None and is_housekeeping(obj.name)
        return not is_ours and bool(super().has_delete_permission(request, obj))

    def save_model(self, request: HttpRequest, obj: PeriodicTask, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if is_housekeeping(obj.name):
            self._warn(request)

    @admin.action(description="Enable selected tasks", permissions=["change"])
    def enable_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        super().enable_tasks(request, queryset)

    @admin.action(description="Disable selected tasks", permissions=["change"])
    def disable_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        super().disable_tasks(request, queryset)
        self._warn(request)

    @admin.action(description="Toggle activity of selected tasks", permissions=["change"])
    def toggle_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        super().toggle_tasks(request, queryset)
        self._warn(request)

    @admin.action(description="Run selected tasks", permissions=["change"])
    def run_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        for row in queryset:
            try:
                for field in ("args", "kwargs"):
                    read_json(field, getattr(row, field))
            except ValueError as error:
                messages.error(request, f"No task was run: a field of “{row.name}” cannot be used. {error}.")
                return
        super().run_tasks(request, queryset)

    def _warn(self, request: HttpRequest) -> None:
        if names := find_switched_off(caller_of(request)):
            messages.warning(request, OFF.format(", ".join(names)))


@admin.register(IntervalSchedule)
class ClassicIntervalAdmin(IntervalScheduleAdmin, ModelAdmin[IntervalSchedule]):  # type: ignore[misc]
    pass


@admin.register(CrontabSchedule)
class ClassicCrontabAdmin(CrontabScheduleAdmin, ModelAdmin[CrontabSchedule]):  # type: ignore[misc]
    @admin.display(description="In words")
    def human_readable(self, obj: CrontabSchedule) -> str:
        return _in_words(obj)

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and db_field.name == "timezone":
            # Otherwise the page sends the initial value back, and the package looks up a file of that name.
            field.show_hidden_initial = False
        return field


def _in_words(crontab: CrontabSchedule) -> str:
    """Return the crontab in words, or a dash if Celery cannot read it: a refused form shows what was typed."""
    try:
        return str(crontab.human_readable)
    except (ParseException, ValueError):
        return "-"


@admin.register(SolarSchedule)
class ClassicSolarAdmin(ModelAdmin[SolarSchedule]):
    """The admin of django-celery-beat's solar schedules, such as sunset at a place."""


@admin.register(ClockedSchedule)
class ClassicClockedAdmin(ClockedScheduleAdmin, ModelAdmin[ClockedSchedule]):  # type: ignore[misc]
    pass
