"""The Django configuration of the app `executions`."""

from __future__ import annotations

from datetime import timedelta

from django.apps import AppConfig
from django.core.checks import register
from django.db.models.signals import post_migrate

from values import clock


class ExecutionsConfig(AppConfig):
    name = "executions"
    verbose_name = "Run history"

    def ready(self) -> None:
        from executions import checks  # noqa: PLC0415 - models are not loaded yet when Django imports this module

        post_migrate.connect(prepare_partitions, sender=self)
        register(checks.check_targets, "targets")
        register(checks.check_commands, "commands")


def prepare_partitions(**_: object) -> None:
    """After each `manage.py migrate`, create the missing partitions of today and the next days."""
    from executions.history import partitions  # noqa: PLC0415 - models are not loaded yet when Django imports this

    if partitions.is_set_up():
        # One minute instead of the usual 3 s: nothing else runs now, and the partitions are needed immediately.
        partitions.prepare(clock.now(), timedelta(minutes=1))
