"""What is stored as JSON is read in one way: its value, or why it cannot be read. Nothing of it is raised unasked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class CannotRead(ValueError):
    """What is needed for it is stored in a way that this version cannot read."""


T = TypeVar("T")

MOST_TOLD = 300  # characters


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part of a stored definition that makes no sense here: another version wrote it, or somebody's SQL."""

    part: str  # such as `schedule`
    reason: str

    def __str__(self) -> str:
        return f"Its {self.part} cannot be read: {self.reason}"


def unreadable(part: str, errors: Mapping[str, Sequence[str]]) -> Unreadable:
    """Return why a part cannot be read, from the complaints by its fields."""
    told = " ".join(_told(part, name, text) for name, texts in errors.items() for text in texts)
    return Unreadable(part, told if len(told) <= MOST_TOLD else f"{told[:MOST_TOLD]}…")


def _told(part: str, name: str, text: str) -> str:
    """Some sentences begin with their field's name already."""
    is_named = name in ("", part) or text.startswith(f"{name.rpartition('.')[2]} ")
    return text if is_named else f"{name}: {text}"


def sound(found: T | Unreadable) -> T:
    """Return what was read. Raises CannotRead."""
    if isinstance(found, Unreadable):
        raise CannotRead(f"{found} A new definition mends that.")
    return found


def known(found: T | Unreadable) -> T | None:
    """Return what was read, None for what cannot be."""
    return None if isinstance(found, Unreadable) else found


def reasons(*found: object) -> dict[str, str]:
    """Return why those of these cannot be read that cannot, by part."""
    return {each.part: each.reason for each in found if isinstance(each, Unreadable)}
