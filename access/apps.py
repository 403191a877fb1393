"""Django's entry for the app; it also keeps the system scope in being."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from access.system import SYSTEM_SCOPE_ID


def ensure_system_scope(sender: AppConfig, using: str, **_: object) -> None:
    """Make the system scope, to which everything belongs that no tenant owns."""
    scope = sender.get_model("Scope")
    scope._default_manager.using(using).get_or_create(id=SYSTEM_SCOPE_ID, defaults={"kind": "system"})


class AccessConfig(AppConfig):
    name = "access"
    verbose_name = "Who"

    def ready(self) -> None:
        post_migrate.connect(ensure_system_scope, sender=self)
