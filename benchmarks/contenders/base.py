"""The interface of a contender: a scheduler or a queue that a measurement can start, fill and read."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from benchmarks.exceptions import CannotMeasure
from benchmarks.processes import Process, python

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# Two processes, as on the smallest servers; the same for every contender that runs on Celery.
WORKER_OPTIONS = ("--pool", "prefork", "--concurrency", "2", "--without-gossip", "--without-mingle")


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run; times are in seconds since 1970."""

    nominal_at: float
    started_at: float
    finished_at: float


class Contender(ABC):
    """A contender with its own database and an empty broker. It writes its logs to `folder`.

    `queue` is the broker's list whose messages contain runs, or None. `roles` are the names of its processes.
    `keeps_jobs_in_database`: a filled database can be copied instead of filled again. `adds_due_jobs`: `make_due` adds
    jobs instead of changing existing jobs. `slow_to_start`: its beat takes time for each job when it starts.
    """

    key: ClassVar[str]
    name: ClassVar[str]
    queue: ClassVar[str | None] = None
    roles: ClassVar[tuple[str, ...]] = ("beat", "worker")
    keeps_jobs_in_database: ClassVar[bool] = True
    adds_due_jobs: ClassVar[bool] = True
    slow_to_start: ClassVar[bool] = False

    def __init__(self, database_url: str, broker_url: str, folder: Path) -> None:
        self.database_url = database_url
        self.broker_url = broker_url
        self.folder = folder
        inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        stores = {"DATABASE_URL": database_url, "BROKER_URL": broker_url, "REDIS_URL": broker_url}
        self.environment = {**inherited, **stores, **self.variables(folder)}

    def start(self, role: str, number: int) -> Process:
        """Start a process with the command line that an operator would use; `number` makes the log's name unique."""
        return Process(self.command(role), self.environment, self.folder / f"{role}-{number}.log")

    @abstractmethod
    def command(self, role: str) -> list[str]:
        """Return the command line of the process."""

    def ready_text(self, role: str) -> str:
        """Return the text that the process logs when it is ready; empty if the benchmark does not wait for it."""
        return "ready." if role == "worker" else ""

    def variables(self, folder: Path) -> Mapping[str, str]:
        """Return the environment variables of the processes, in addition to the URLs of the stores."""
        return {}

    @staticmethod
    def n_runs(message: bytes) -> int:
        """Return the number of runs in a message of the broker."""
        return 1

    def prepare(self) -> None:  # noqa: B027  (not every contender has tables)
        """Create the tables and everything else that each measurement needs."""

    def fill(self, n_jobs: int) -> None:
        """Create `n_jobs` jobs, numbered from 1, that are not due during the measurement."""
        raise CannotMeasure(f"{self.name} stores no jobs")

    def make_due(self, instants: Sequence[float], first: int = 0) -> None:
        """Make one job due at each of `instants`; `first` is the number of jobs that earlier calls made due."""
        raise CannotMeasure(f"{self.name} has no schedules")

    def send(self, instants: Sequence[float]) -> bool:
        """Enqueue one run for each of `instants` without a beat; return False if only a beat can enqueue runs."""
        return False

    def editor(self) -> list[str]:
        """Return the command line of a program that serves `editor_protocol.py`."""
        raise CannotMeasure(f"no editor has been written for {self.name}")

    @abstractmethod
    def n_finished(self) -> int:
        """Return the number of finished runs."""

    @abstractmethod
    def finished_runs(self) -> list[Run]:
        """Return the finished runs. Raises CannotMeasure if any of these runs did not succeed."""


class CeleryContender(Contender):
    """A contender whose processes are started by the `celery` command."""

    app: ClassVar[str]
    arguments: ClassVar[Mapping[str, tuple[str, ...]]] = {"beat": (), "worker": WORKER_OPTIONS}

    @property
    def interpreter(self) -> str:
        """The path of the Python with this contender's packages; by default the Python of the benchmark itself."""
        return python()[0]

    def command(self, role: str) -> list[str]:
        return [self.interpreter, "-m", "celery", "-A", self.app, role, *self.arguments[role]]
