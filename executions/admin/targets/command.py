"""A command: its name, and what it returned as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from access.admin.json_shown import pretty

if TYPE_CHECKING:
    from values.json_values import JSON


class CommandLook:
    """A registered command."""

    template = "executions/admin/targets/command.html"

    def words(self, target: dict[str, Any]) -> tuple[str, str]:
        return "command", str(target.get("name", ""))

    def result(self, result: JSON) -> str | None:
        return pretty(result) or None


LOOK = CommandLook()
