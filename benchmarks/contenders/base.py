"""The one face of all contenders: what a measurement may ask of a scheduler, or of a queue."""

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

WORKER = ("--pool", "prefork", "--concurrency", "2", "--without-gossip", "--without-mingle")


@dataclass(frozen=True, slots=True)
class Run:
    """One run that is over, in seconds since 1970."""

    nominal_at: float
    started_at: float
    finished_at: float


class Contender(ABC):
    """On a database of its own and an empty broker. `folder` takes the logs of its processes.

    `queue` is the list in the broker whose messages count as runs; None where there is no such list. `roles` are the
    processes that it has. `keeps_jobs_in_database`: one that is filled can be copied. `adds_due_jobs`: what is made
    due is added to the jobs that it was filled with. `slow_to_start`: it needs time for each job before it is ready.
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
        """Start a process by the command line that an operator uses; `number` counts those of this role."""
        return Process(self.command(role), self.environment, self.folder / f"{role}-{number}.log")

    @abstractmethod
    def command(self, role: str) -> list[str]:
        """The command line of a process."""

    def ready_text(self, role: str) -> str:
        """What a process of this role writes when it is ready; empty when that is not waited for."""
        return "ready." if role == "worker" else ""

    def variables(self, folder: Path) -> Mapping[str, str]:
        """What it reads from the environment beside the stores."""
        return {}

    @staticmethod
    def n_runs(message: bytes) -> int:
        """How many runs a message in the broker carries."""
        return 1

    def prepare(self) -> None:  # noqa: B027  (not every contender has tables)
        """Make the tables, and whatever every measurement needs."""

    def fill(self, n_jobs: int) -> None:
        """Make `n_jobs` jobs, numbered from 1, that are for another day."""
        raise CannotMeasure(f"{self.name} keeps no jobs")

    def make_due(self, instants: Sequence[float], first: int = 0) -> None:
        """Let one job each be due once, at these instants; `first` says how many were made due before."""
        raise CannotMeasure(f"{self.name} knows no instants")

    def send(self, instants: Sequence[float]) -> bool:
        """Put a message for each instant into the queue without a beat; False when only its beat can do that."""
        return False

    def editor(self) -> list[str]:
        """The command line of a program that edits jobs as `editing.py` says."""
        raise CannotMeasure(f"{self.name} has no editor here")

    @abstractmethod
    def n_done(self) -> int:
        """How many runs are over."""

    @abstractmethod
    def done(self) -> list[Run]:
        """The runs that are over; raises CannotMeasure when one of them went wrong."""


class CeleryContender(Contender):
    """One whose processes the `celery` command line starts."""

    app: ClassVar[str]
    arguments: ClassVar[Mapping[str, tuple[str, ...]]] = {"beat": (), "worker": WORKER}

    @property
    def interpreter(self) -> str:
        """The Python of its virtual environment; this one's unless it needs packages of its own."""
        return python()[0]

    def command(self, role: str) -> list[str]:
        return [self.interpreter, "-m", "celery", "-A", self.app, role, *self.arguments[role]]
