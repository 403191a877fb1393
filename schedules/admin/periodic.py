"""django-celery-beat's own tables in the theme's clothes: housekeeping, and what came from a stock installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
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

if TYPE_CHECKING:
    from typing import Any

for _model in (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule):
    admin.site.unregister(_model)


class ThemedTaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):  # type: ignore[misc]  # neither has types
    """The list of Celery tasks, looking like the other selects."""


class ThemedTaskForm(PeriodicTaskForm):  # type: ignore[misc]  # the package has no types
    """The package's form, with the theme's widgets for the fields that it makes itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = ThemedTaskSelect()


@admin.register(PeriodicTask)
class ClassicTaskAdmin(PeriodicTaskAdmin, ModelAdmin[PeriodicTask]):  # type: ignore[misc]  # the package has no types
    """Rows that beat fires by django-celery-beat's own rules."""

    form = ThemedTaskForm
    list_before_template = "schedules/admin/periodic_note.html"
    change_list_template = "admin/change_list.html"
    change_form_template = "admin/change_form.html"  # the package's own has an inline script, which the policy refuses

    @admin.display(description="Crontab in words")
    def crontab_translation(self, obj: PeriodicTask) -> str | None:
        return str(obj.crontab.human_readable) if obj.crontab else None


@admin.register(IntervalSchedule)
class ClassicIntervalAdmin(IntervalScheduleAdmin, ModelAdmin[IntervalSchedule]):  # type: ignore[misc]
    pass


@admin.register(CrontabSchedule)
class ClassicCrontabAdmin(CrontabScheduleAdmin, ModelAdmin[CrontabSchedule]):  # type: ignore[misc]
    pass


@admin.register(SolarSchedule)
class ClassicSolarAdmin(ModelAdmin[SolarSchedule]):
    """Sunrise and its kin."""


@admin.register(ClockedSchedule)
class ClassicClockedAdmin(ClockedScheduleAdmin, ModelAdmin[ClockedSchedule]):  # type: ignore[misc]
    pass
