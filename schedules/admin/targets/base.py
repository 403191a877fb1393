"""What the job form asks of each kind of target."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django import forms


class Section(ABC):
    """The part of the job form that one kind has. A new kind is one module with an instance, called `SECTION`.

    A name of a field is the form's, and no two kinds may share one. The template gets `form` and `section`.
    """

    label: ClassVar[str]
    template: ClassVar[str]
    payload_help: ClassVar[str]
    fields: ClassVar[Mapping[str, forms.Field]]
    places: ClassVar[Mapping[str, str]]  # the form's field for each member of the target
    labels: ClassVar[Mapping[str, str]] = {}  # what a sentence calls a member that the form names otherwise

    @abstractmethod
    def initial(self, target: Mapping[str, Any] | None) -> dict[str, Any]:
        """What the fields hold at first: a stored target of this kind, or None for the defaults."""

    @abstractmethod
    def target(self, values: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
        """The target that the form's values describe, over what was stored: the form may not show all of it."""

    def takes_text(self, values: Mapping[str, Any]) -> bool:
        """Whether a payload is a text as it stands, rather than JSON. `values` are the form's, or a stored target."""
        return False
