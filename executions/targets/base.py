"""What every kind of target has: its typed configuration, its context, and the closed set of outcomes.

A target never sees a run's row: it gets a frozen configuration and a context, and returns an outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from values.json_values import JSON

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta
    from uuid import UUID


class TargetConfig(BaseModel):
    """Base of every target's configuration: frozen, and refusing fields it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str

    @classmethod
    def masked(cls, stored: dict[str, Any]) -> dict[str, Any]:
        """Return a stored configuration for those who may read it and not change it: without credentials."""
        return stored


class InvalidTarget(ValueError):
    """A target's configuration or payload cannot work. `errors` maps a dotted field to its messages."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {', '.join(texts)}" for name, texts in errors.items()))
        self.errors = errors


class StopReason(StrEnum):
    """Why a target is asked to stop before it has an outcome."""

    CANCELLED = "cancelled"  # somebody cancelled the run
    LOST = "lost"  # the claim was lost: whatever is returned will be ignored


class Context(Protocol):
    """What a target may know of its run, and do to it."""

    run_id: UUID
    job_name: str
    attempt: int  # 1 for the first
    nominal_at: datetime
    timeout: timedelta  # total time for this attempt
    idempotency_key: str  # the same on every attempt of a run

    def log(self, message: str, level: str = "info") -> None:
        """Add a line to the run's log. Never raises, and never waits for the network."""

    def should_stop(self) -> StopReason | None:
        """Say whether the target should give up, and why."""

    def on_stop(self, callback: Callable[[StopReason], None]) -> Callable[[], None]:
        """Call `callback` from another thread when the target should stop; returns its unregistering."""


@dataclass(frozen=True, slots=True)
class Succeeded:
    result: JSON = None


@dataclass(frozen=True, slots=True)
class Failed:
    """`code` is a stable word (`http_status`, `timed_out`, `exception`); `message` is for people."""

    code: str
    message: str
    permanent: bool = False
    result: JSON = None


@dataclass(frozen=True, slots=True)
class RetryAt:
    """A failure that names the instant of the next try. It counts as a try like any other failure."""

    at: datetime
    code: str
    message: str
    result: JSON = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    message: str = ""
    result: JSON = None


Outcome = Succeeded | Failed | RetryAt | Cancelled


class Target(Protocol):
    """One kind of target. A new kind is one file with such a class, and one line in `registry.py`."""

    kind: ClassVar[str]
    config: ClassVar[type[TargetConfig]]
    queue: ClassVar[str]  # the Celery queue whose workers can carry it out
    most_in_message: ClassVar[int]  # runs that one worker may take at once
    default_timeout: ClassVar[timedelta]

    def validate(self, config: TargetConfig, payload: JSON) -> None:
        """Refuse, with InvalidTarget, what could never succeed. Called when a job is saved."""

    def execute(self, config: TargetConfig, payload: JSON, context: Context) -> Outcome:
        """Carry out one attempt within `context.timeout` and say how it ended. Must not raise."""
