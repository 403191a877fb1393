"""The default look of a target kind on the pages of runs and jobs, with the methods that a kind may override."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from django.utils.text import Truncator

from access.admin.json_shown import pretty
from executions.targets.registry import TARGETS, masked

if TYPE_CHECKING:
    from values.json_values import JSON

MAX_WORDS = 200  # characters of a configuration that is shown beside a job's name


class Look:
    """The default look of a target kind: the kind's name, with the configuration and the results as JSON.

    To give a kind its own look, define a subclass of this class in a module `executions/admin/targets/<kind>.py`, and
    assign an instance of the subclass to `LOOK`.
    """

    # The template's variables: `result`, the return value of the method `result`; `card`, the attempt (`Card` in
    # executions/admin/attempts.py).
    template: ClassVar[str] = "executions/admin/targets/default.html"

    def words(self, target: dict[str, Any]) -> tuple[str, str]:
        """Return two short texts about a stored target, such as its method `POST` and its URL.

        Another version of Mainspring may have stored `target`: only its member `kind` is certain to exist.
        """
        kind, shown = target["kind"], masked(target)
        # In the order of the class's fields. PostgreSQL stores the members of jsonb in another order.
        members = {name: shown[name] for name in TARGETS[kind].config.model_fields if name in shown and name != "kind"}
        return kind, Truncator(json.dumps(members, ensure_ascii=False) if members else "").chars(MAX_WORDS)

    def result(self, result: JSON) -> Any:
        """Return an attempt's result in the form that the template needs, or None to show no result."""
        return pretty(result) or None


class UnknownLook(Look):
    """The Look for a kind of target that this version does not know."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def words(self, target: dict[str, Any]) -> tuple[str, str]:
        return self._kind, "unknown to this version of Mainspring"
