"""How a command is shown: by its name. Its results have the default look."""

from __future__ import annotations

from typing import Any

from executions.admin.targets.base import Look


class CommandLook(Look):
    def words(self, target: dict[str, Any]) -> tuple[str, str]:
        return "command", str(target.get("name", ""))


LOOK = CommandLook()
