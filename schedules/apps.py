"""The Django app `schedules`."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register


class SchedulesConfig(AppConfig):
    name = "schedules"
    verbose_name = "Scheduling"

    def ready(self) -> None:
        from schedules import checks  # noqa: PLC0415 - models are not loaded yet when this module is imported

        register(checks.check_sections, "targets")
