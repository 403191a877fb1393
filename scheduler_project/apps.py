"""Loads the Celery application when Django starts, so that every process sends messages with the same settings.

Also compares this machine's clock with PostgreSQL's whenever a database connection is opened.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from values.clock import machine_clock


class MainspringConfig(AppConfig):
    name = "scheduler_project"
    verbose_name = "Mainspring"

    def ready(self) -> None:
        import_module("scheduler_project.celery")
        connection_created.connect(compare_clocks)


def compare_clocks(connection: Any, **_: object) -> None:
    machine_clock.measure(connection.connection)
