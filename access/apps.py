"""The Django app `access`. After each `manage.py migrate`, it creates the system scope if it is missing."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from access.system import SYSTEM_SCOPE_ID


def ensure_system_scope(sender: AppConfig, using: str, **_: object) -> None:
    """Create the system scope if it is missing. The system scope owns all objects that belong to no tenant."""
    scope = sender.get_model("Scope")
    scope._default_manager.using(using).get_or_create(id=SYSTEM_SCOPE_ID, defaults={"kind": "system"})


class AccessConfig(AppConfig):
    name = "access"
    verbose_name = "Access"

    def ready(self) -> None:
        post_migrate.connect(ensure_system_scope, sender=self)
