"""Shows a command by its name on the pages of runs and jobs. The default look shows the results of commands."""

from __future__ import annotations

from typing import Any

from executions.admin.targets.base import Look


class CommandLook(Look):
    def words(self, target: dict[str, Any]) -> tuple[str, str]:
        return "command", str(target.get("name", ""))


LOOK = CommandLook()
