"""How the admin shows a kind of target on the pages of runs and jobs: the default, and what a kind may override."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from django.utils.text import Truncator

from access.admin.json_shown import pretty
from executions.targets.registry import TARGETS, masked

if TYPE_CHECKING:
    from values.json_values import JSON

MAX_WORDS = 200  # characters of a configuration beside a job's name


class Look:
    """The default look of a kind: its name and its configuration as JSON, and results as JSON.

    For another look, a kind has a subclass in `executions/admin/targets/<kind>.py`, with an instance called `LOOK`.
    """

    # In it, `result` is what the method `result` returns, and `card` the attempt (executions/admin/attempts.py).
    template: ClassVar[str] = "executions/admin/targets/default.html"

    def words(self, target: dict[str, Any]) -> tuple[str, str]:
        """Return two short texts for a stored target: what it does, and with what, such as `POST` and a URL.

        Another version may have stored `target`, so only its member `kind` is sure to exist.
        """
        kind, shown = target["kind"], masked(target)
        # In the order of the class: the database stores members by length.
        members = {name: shown[name] for name in TARGETS[kind].config.model_fields if name in shown and name != "kind"}
        return kind, Truncator(json.dumps(members, ensure_ascii=False) if members else "").chars(MAX_WORDS)

    def result(self, result: JSON) -> Any:
        """Return an attempt's result as the template needs it; None shows nothing."""
        return pretty(result) or None


class UnknownLook(Look):
    """The look of a kind that this version does not have."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def words(self, target: dict[str, Any]) -> tuple[str, str]:
        return self._kind, "made by another version of Mainspring"
