"""One class for each decision that a caller of the clock side can take."""

from __future__ import annotations


class InvalidDefinition(ValueError):
    """A job cannot be saved like this. `errors` maps a dotted field to its messages."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(texts)}" for name, texts in errors.items()))
        self.errors = errors


class InvalidRegistration(ValueError):
    """Jobs cannot be registered like this. `errors` maps a job's key to its dotted fields and their messages."""

    def __init__(self, errors: dict[str, dict[str, list[str]]]) -> None:
        super().__init__("; ".join(f"{key}: {', '.join(fields)}" for key, fields in errors.items()))
        self.errors = errors


class JobGone(Exception):
    """The job was deleted meanwhile."""


class JobConflict(Exception):
    """The job's state does not allow what was asked."""


class FlagInUse(JobConflict):
    """Jobs name the feature flag that was to be deleted."""
