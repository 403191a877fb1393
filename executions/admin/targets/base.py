"""What the admin asks of each kind of target to show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from access.admin.json_shown import pretty

if TYPE_CHECKING:
    from values.json_values import JSON


class Look(Protocol):
    """One kind of target on the pages. A new kind is one module with such an object, called `LOOK`."""

    @property
    def template(self) -> str:
        """The template that shows what `result` returns, as `result`; `card` is the attempt."""

    def words(self, target: dict[str, Any]) -> tuple[str, str]:
        """What it does, and with what: two short texts."""

    def result(self, result: JSON) -> Any:
        """An attempt's result made ready for the template; None if there is nothing to show."""


class StrangeLook:
    """A kind that this version does not know."""

    template = "executions/admin/targets/command.html"

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def words(self, target: dict[str, Any]) -> tuple[str, str]:
        return self._kind, "made by another version of Mainspring"

    def result(self, result: JSON) -> str | None:
        return pretty(result) or None
