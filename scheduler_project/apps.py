"""Loads the Celery application when Django starts, so that every process sends messages with the same settings."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class MainspringConfig(AppConfig):
    name = "scheduler_project"
    verbose_name = "Mainspring"

    def ready(self) -> None:
        import_module("scheduler_project.celery")
