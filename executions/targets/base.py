"""The interface of a target kind: its configuration, the context of an attempt, and the possible outcomes.

A target does not access the row of a run. It gets a frozen configuration and a context, and returns an outcome.
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
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

TIMED_OUT = "timed_out"  # the error code that makes an attempt `timed_out` instead of `failed`
INVALID_DEFINITION = "invalid_definition"  # the error code of a frozen definition that this version cannot read
MIN_ATTEMPT_TIMEOUT = timedelta(milliseconds=100)  # connecting alone may take that long
MAX_ATTEMPT_TIMEOUT = timedelta(days=1)  # an attempt occupies a thread or a process of its worker all the time
MAX_LOG_LINE_LENGTH = 8 * 1024  # characters: fits on a page, and limits a command that prints no line breaks


class TargetConfig(BaseModel):
    """Base class of the configurations of all kinds. A configuration is immutable and refuses unknown members.

    Each kind narrows `kind` to its own name, such as `kind: Literal["ping"] = "ping"`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str

    @classmethod
    def masked(cls, stored: dict[str, Any]) -> dict[str, Any]:
        """Return a stored configuration without its credentials. Only people who may change the job see credentials.

        A kind whose configuration can contain credentials must override this method.
        """
        return stored


class InvalidTarget(ValueError):
    """A target or its payload is invalid. `errors` maps a field, such as `headers.X-Token`, to its messages."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {', '.join(texts)}" for name, texts in errors.items()))
        self.errors = errors


class StopReason(StrEnum):
    """Why a target has to stop before it has an outcome."""

    CANCELLED = "cancelled"  # the run has a stop request: a user cancelled the run, or a newer run replaces it
    LOST = "lost"  # this worker lost its claim on the run: the outcome is ignored


class Context(Protocol):
    """The context of an attempt: data of the run, the run's log, and stop requests."""

    run_id: UUID
    job_name: str
    attempt: int  # 1 for the first
    nominal_at: datetime
    timeout: timedelta  # total time for this attempt
    idempotency_key: str  # the same on every attempt of a run

    def log(self, message: str, level: str = "info") -> None:
        """Add a line to the run's log. Never raises, and never waits for the network."""

    def should_stop(self) -> StopReason | None:
        """Return why the target should stop now, or None.

        A timeout is never the reason: the target itself must end within `timeout`.
        """

    def on_stop(self, callback: Callable[[StopReason], None]) -> Callable[[], None]:
        """Call `callback` from another thread when the target should stop, or now if the target should stop already.

        Returns a function that unregisters `callback`. Call the returned function before `execute` returns.
        """


@dataclass(frozen=True, slots=True)
class Succeeded:
    result: JSON = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A failed attempt. `code` is stable, such as `http_status` or `timed_out`; `message` is a sentence for people.

    `permanent`: another attempt cannot succeed, so the run is not retried.
    """

    code: str
    message: str
    permanent: bool = False
    result: JSON = None


@dataclass(frozen=True, slots=True)
class RetryAt:
    """A failed attempt that sets the time of the next attempt. It uses up a retry, like any other failed attempt."""

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
    """Base class of all kinds of targets. The module of each kind defines `TARGET`, an instance of the kind's class.

    To add a kind, write a module with a subclass and `TARGET`, and add the module's name to `registry.KINDS`. If the
    module is outside the checkout, add its name to `MAINSPRING_TARGET_MODULES` instead.
    """

    kind: ClassVar[str]  # up to 20 characters from a-z, 0-9 and _; never changed, because jobs and runs store it
    config: ClassVar[type[TargetConfig]]
    # The Celery queue of its runs: `http` (many threads, for work that waits) or `command` (processes, for work that
    # computes). Any other queue needs workers of its own, and its name in MAINSPRING_WORKER_QUEUES.
    queue: ClassVar[str]
    max_runs_per_message: ClassVar[int] = 1  # maximum number of runs in one Celery message, under a backlog
    default_timeout: ClassVar[timedelta]  # of one attempt, when the job sets none; 100 ms to 1 day

    def prepare_worker(self) -> None:  # noqa: B027 - optional
        """Import modules that the first run would otherwise have to import.

        Called once by each worker that consumes `queue`, before the worker forks its processes.
        """

    def validate(self, config: TargetConfig, payload: JSON) -> None:  # noqa: B027 - optional
        """Raise InvalidTarget for a target or payload with which no attempt can succeed. Called when a job is saved."""

    def share_of(self, stored: Mapping[str, Any]) -> str:
        """Return the name of the resource that this stored configuration uses, such as its host; "" if there is none.

        If a kind has a queue of worker threads, runs that use the same resource never take all threads of a worker.
        Must not raise, whatever the values in `stored` are: another version of the code may have stored them.
        """
        return ""

    @abstractmethod
    def execute(self, config: TargetConfig, payload: JSON, context: Context) -> Outcome:
        """Execute one attempt within `context.timeout` and return its outcome. Must not raise.

        Do not assume that `validate` has checked `payload`: another version of the code may have saved the job.
        """
