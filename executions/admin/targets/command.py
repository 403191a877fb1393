"""The look of a command: its name. The results of commands have the default look."""

from __future__ import annotations

from typing import Any

from executions.admin.targets.base import Look


class CommandLook(Look):
    def words(self, target: dict[str, Any]) -> tuple[str, str]:
        return "command", str(target.get("name", ""))


LOOK = CommandLook()
