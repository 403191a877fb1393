"""Mainspring and stock django-celery-beat behind one face, so that both are measured by the same code."""

from __future__ import annotations

import base64
import json
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from benchmarks import commands, seeds
from benchmarks.exceptions import CannotMeasure
from benchmarks.processes import ROOT, Process, python, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Role = Literal["beat", "worker"]
WORKER = ("--pool", "prefork", "--concurrency", "2", "--without-gossip", "--without-mingle")


@dataclass(frozen=True, slots=True)
class Run:
    """One run that is over, in seconds since 1970."""

    nominal_at: float
    started_at: float
    finished_at: float


class Contender(ABC):
    """A scheduler on a database of its own. `folder` takes the logs of its processes."""

    key: ClassVar[str]
    app: ClassVar[str]
    queue: ClassVar[str]
    arguments: ClassVar[Mapping[Role, tuple[str, ...]]]

    def __init__(self, database_url: str, broker_url: str, folder: Path) -> None:
        self.database_url = database_url
        self.folder = folder
        self.environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "BROKER_URL": broker_url,
            "REDIS_URL": broker_url,
            **self.variables(folder),
        }

    def start(self, role: Role) -> Process:
        """Start a process by the command line that an operator uses."""
        command = python("-m", "celery", "-A", self.app, role, *self.arguments[role])
        return Process(command, self.environment, self.folder / f"{role}.log")

    @staticmethod
    @abstractmethod
    def variables(folder: Path) -> Mapping[str, str]:
        """What it reads from the environment beside the stores."""

    @staticmethod
    def n_runs(message: bytes) -> int:
        """How many runs a message in the broker carries."""
        return 1

    @abstractmethod
    def prepare(self) -> None:
        """Make the tables, and whatever every measurement needs."""

    @abstractmethod
    def seed(self, n_jobs: int, n_due: int) -> None:
        """Bring it to `n_jobs` jobs, of which `make_due` will make `n_due` due and the others are for another day."""

    @abstractmethod
    def make_due(self, instants: Sequence[float], first: int = 0) -> None:
        """Let one job each be due once, at these instants; `first` says how many were made due before."""

    def send(self, instants: Sequence[float]) -> bool:
        """Put a message for each instant into the broker without a beat; False when only its beat can do that."""
        return False

    @abstractmethod
    def n_done(self) -> int:
        """How many runs are over."""

    @abstractmethod
    def done(self) -> list[Run]:
        """The runs that are over; raises CannotMeasure when one of them went wrong."""


class Mainspring(Contender):
    """This project."""

    key = "mainspring"
    app = "scheduler_project.celery"
    queue = "command"
    arguments: ClassVar[Mapping[Role, tuple[str, ...]]] = {
        "beat": (),
        "worker": (*WORKER, "--queues", "command,housekeeping"),
    }

    @staticmethod
    def variables(folder: Path) -> Mapping[str, str]:
        return {
            "DJANGO_SETTINGS_MODULE": "scheduler_project.settings",
            "MAINSPRING_COMMAND_MODULES": commands.__name__,
            "MAINSPRING_DB_POOL": "2",
        }

    @staticmethod
    def n_runs(message: bytes) -> int:
        """The claims in the first argument of the Celery task."""
        arguments, _, _ = json.loads(base64.b64decode(json.loads(message)["body"]))
        return len(arguments[0])

    def prepare(self) -> None:
        run(python(str(ROOT / "manage.py"), "migrate", "--verbosity", "0"), self.environment)
        run(python("-m", "benchmarks.with_django", "benchmarks.prototype"), self.environment)

    def seed(self, n_jobs: int, n_due: int) -> None:
        seeds.add_jobs(self.database_url, n_jobs)

    def make_due(self, instants: Sequence[float], first: int = 0) -> None:
        seeds.make_due(self.database_url, instants, first)

    def n_done(self) -> int:
        return seeds.n_done(self.database_url)

    def done(self) -> list[Run]:
        if others := seeds.other_ends(self.database_url):
            raise CannotMeasure(f"not every run succeeded: {others}")
        return [Run(*row) for row in seeds.done(self.database_url)]


class StockBeat(Contender):
    """django-celery-beat with its own scheduler, and a task that stores nothing but a line in a file."""

    key = "stock_beat"
    app = "benchmarks.peers.stock_beat.app"
    queue = "celery"
    arguments: ClassVar[Mapping[Role, tuple[str, ...]]] = {"beat": (), "worker": WORKER}

    @staticmethod
    def variables(folder: Path) -> Mapping[str, str]:
        return {
            "DJANGO_SETTINGS_MODULE": "benchmarks.peers.stock_beat.settings",
            "BENCH_STARTS": str(folder / "starts"),
        }

    def prepare(self) -> None:
        run(python("-m", "django", "migrate", "--verbosity", "0"), self.environment)

    def seed(self, n_jobs: int, n_due: int) -> None:
        self._fill("mass", str(n_jobs - n_due))
        seeds.vacuum(self.database_url)

    def make_due(self, instants: Sequence[float], first: int = 0) -> None:
        self._fill("due", str(first), text=json.dumps(instants))

    def send(self, instants: Sequence[float]) -> bool:
        self._fill("messages", text=json.dumps(instants))
        return True

    def n_done(self) -> int:
        return len(self._lines())

    def done(self) -> list[Run]:
        pairs = [line.split() for line in self._lines()]
        return [Run(float(nominal_at), float(started_at), float(started_at)) for nominal_at, started_at in pairs]

    def _fill(self, *arguments: str, text: str = "") -> None:
        seed = python("-m", "benchmarks.with_django", "benchmarks.peers.stock_beat.seed", *arguments)
        run(seed, self.environment, text)

    def _lines(self) -> list[str]:
        starts = self.folder / "starts"
        return starts.read_text().splitlines() if starts.exists() else []
