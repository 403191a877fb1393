"""The interface of a target kind: its configuration, the context of an attempt, and the closed set of outcomes.

A target never sees a run's row: it gets a frozen configuration and a context, and returns an outcome.
How to add a kind: docs/extending.md.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from values.json_values import JSON

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

TIMED_OUT = "timed_out"  # the error code that makes an attempt `timed_out` instead of `failed`
INVALID_DEFINITION = "invalid_definition"  # the error code of a frozen definition that this version cannot read
MIN_ATTEMPT_TIMEOUT = timedelta(milliseconds=100)  # connecting alone may take that long
MAX_ATTEMPT_TIMEOUT = timedelta(days=1)  # an attempt occupies a thread or a process of its worker all the time
MAX_LOG_LINE_LENGTH = 8 * 1024  # characters; a page can show it, and a command that prints no newline is bounded


class TargetConfig(BaseModel):
    """Base class of every kind's configuration. It is frozen and refuses unknown members.

    A kind narrows `kind` to its own name: `kind: Literal["ping"] = "ping"`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str

    @classmethod
    def masked(cls, stored: dict[str, Any]) -> dict[str, Any]:
        """Return a stored configuration without its credentials, for people who may read the job but not change it."""
        return stored


class InvalidTarget(ValueError):
    """A target or its payload can never succeed. `errors` maps a dotted field to its messages."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {', '.join(texts)}" for name, texts in errors.items()))
        self.errors = errors


class StopReason(StrEnum):
    """Why a target has to stop before it has an outcome."""

    CANCELLED = "cancelled"  # somebody cancelled the run
    LOST = "lost"  # this worker lost its claim on the run: the outcome is ignored


class Context(Protocol):
    """The context of an attempt: facts of the run, its log, and stop requests."""

    run_id: UUID
    job_name: str
    attempt: int  # 1 for the first
    nominal_at: datetime
    timeout: timedelta  # total time for this attempt
    idempotency_key: str  # the same on every attempt of a run

    def log(self, message: str, level: str = "info") -> None:
        """Add a line to the run's log. Never raises, and never waits for the network."""

    def should_stop(self) -> StopReason | None:
        """Return why the target should stop now, or None."""

    def on_stop(self, callback: Callable[[StopReason], None]) -> Callable[[], None]:
        """Register `callback`, which another thread calls when the target should stop.

        Returns a function that unregisters it. Call that function before `execute` returns.
        """


@dataclass(frozen=True, slots=True)
class Succeeded:
    result: JSON = None


@dataclass(frozen=True, slots=True)
class Failed:
    """`code` is a stable word (`http_status`, `timed_out`, `exception`); `message` is a sentence for people.

    `permanent`: another attempt cannot succeed, so the run is not retried.
    """

    code: str
    message: str
    permanent: bool = False
    result: JSON = None


@dataclass(frozen=True, slots=True)
class RetryAt:
    """A failure that names the time of the next attempt. It counts as an attempt like any other failure."""

    at: datetime
    code: str
    message: str
    result: JSON = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    message: str = ""
    result: JSON = None


Outcome = Succeeded | Failed | RetryAt | Cancelled


class Target(ABC):
    """Base class of every kind of target. A module ends with an instance called `TARGET`.

    A new kind is one file (or folder) with such a class, and one line in `registry.KINDS`.
    """

    kind: ClassVar[str]  # stored with every job and run: it never changes; up to 20 of a-z, 0-9 and _
    config: ClassVar[type[TargetConfig]]
    # The Celery queue of its runs: `http` (many threads, for work that waits) or `command` (processes, for work that
    # computes). Any other queue needs workers of its own, and its name in MAINSPRING_WORKER_QUEUES.
    queue: ClassVar[str]
    max_runs_per_message: ClassVar[int] = 1  # under a backlog, runs that one Celery message may carry to one worker
    default_timeout: ClassVar[timedelta]  # of one attempt, when the job sets none; 100 ms to 1 day

    def prepare_worker(self) -> None:  # noqa: B027 - optional
        """Import the modules that the first run would otherwise wait for.

        Called once by each worker that consumes `queue`, before its processes fork.
        """

    def validate(self, config: TargetConfig, payload: JSON) -> None:  # noqa: B027 - optional
        """Raise InvalidTarget for a payload that can never succeed. Called when a job is saved."""

    @abstractmethod
    def execute(self, config: TargetConfig, payload: JSON, context: Context) -> Outcome:
        """Execute one attempt within `context.timeout` and return how it ended. Must not raise.

        `validate` may never have checked `payload`: another version of the code may have saved the job.
        """
