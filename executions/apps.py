"""Django's entry for the app."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.apps import AppConfig
from django.core.checks import register
from django.db.models.signals import post_migrate


class ExecutionsConfig(AppConfig):
    name = "executions"
    verbose_name = "What happened"

    def ready(self) -> None:
        from executions import checks  # noqa: PLC0415 - models are not there yet when this module is imported

        post_migrate.connect(prepare_partitions, sender=self)
        register(checks.check_targets, "targets")
        register(checks.check_commands, "commands")


def prepare_partitions(**_: object) -> None:
    """Connected so that a fresh database has the partitions of today and the days to come."""
    from executions.history import partitions  # noqa: PLC0415 - models are not there yet when this module is imported

    if partitions.is_set_up():
        partitions.prepare(datetime.now(UTC), timedelta(minutes=1))
