"""Values read from stored JSON, or the reason why they cannot be read. Readers return the reason instead of raising."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class CannotRead(ValueError):
    """This version cannot read a stored value that an operation needs."""


T = TypeVar("T")

MAX_REASON_LENGTH = 300  # characters: a reason has to fit into one cell of a list


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part of a stored definition that cannot be read: another version wrote it, or somebody changed it by SQL."""

    part: str  # for example `schedule`
    reason: str

    def __str__(self) -> str:
        return f"The {self.part} cannot be read: {self.reason}"

    @classmethod
    def from_errors(cls, part: str, errors: Mapping[str, Sequence[str]]) -> Unreadable:
        """Join the validation errors of a part into one reason of limited length. `errors`: texts by dotted field."""
        reason = " ".join(_with_field(part, name, text) for name, texts in errors.items() for text in texts)
        return cls(part, reason if len(reason) <= MAX_REASON_LENGTH else f"{reason[:MAX_REASON_LENGTH]}…")


def _with_field(part: str, name: str, text: str) -> str:
    """Put the dotted field `name` before an error sentence.

    Return the sentence unchanged if it starts with the last segment of `name`, or if it is about the whole `part`.
    """
    is_named = name in ("", part) or text.startswith(f"{name.rpartition('.')[2]} ")
    return text if is_named else f"{name}: {text}"


def value_or_raise(found: T | Unreadable) -> T:
    """Return the value. If the value cannot be read, raises CannotRead with the reason."""
    if isinstance(found, Unreadable):
        raise CannotRead(f"{found} Save a new definition of the job to fix this for new runs.")
    return found


def value_or_none(found: T | Unreadable) -> T | None:
    """Return the value, or None if it cannot be read."""
    return None if isinstance(found, Unreadable) else found


def reasons_by_part(*found: object) -> dict[str, str]:
    """Return the `reason` of each `Unreadable` among `found`, by its `part`. Readable values are left out."""
    return {each.part: each.reason for each in found if isinstance(each, Unreadable)}
