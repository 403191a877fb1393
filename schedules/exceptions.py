"""The exceptions of `schedules`: one for each case that callers handle differently."""

from __future__ import annotations


class InvalidDefinition(ValueError):
    """A job cannot be saved with this definition. `errors` maps a field, such as `target.url`, to its messages."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(texts)}" for name, texts in errors.items()))
        self.errors = errors


class InvalidRegistration(ValueError):
    """Jobs cannot be registered with these definitions.

    `errors` maps the key of each invalid job to its invalid fields, and each field to its messages.
    """

    def __init__(self, errors: dict[str, dict[str, list[str]]]) -> None:
        super().__init__("; ".join(f"{key}: {', '.join(fields)}" for key, fields in errors.items()))
        self.errors = errors


class JobGone(Exception):
    """The job does not exist, was deleted, or is hidden from the caller."""


class JobConflict(Exception):
    """The state of a job, backfill, pause set or flag does not allow an action. The message is for people."""


class FlagInUse(JobConflict):
    """A feature flag cannot be deleted while jobs name it."""
