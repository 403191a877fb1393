"""Mainspring itself, with command jobs and with HTTP jobs."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, ClassVar

from benchmarks import seeds
from benchmarks.contenders.base import WORKER_OPTIONS, CeleryContender, Run
from benchmarks.exceptions import CannotMeasure
from benchmarks.processes import ROOT, output_of, python, run
from scheduler_project.launch.server import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Mainspring(CeleryContender):
    """Mainspring with jobs whose command does nothing."""

    key = "mainspring"
    name = "Mainspring"
    app = "scheduler_project.celery"
    queue = "command"
    roles = ("beat", "worker", "worker-http", "web")
    adds_due_jobs = False
    kind: ClassVar[str] = "command"

    def __init__(self, database_url: str, broker_url: str, folder: Path) -> None:
        super().__init__(database_url, broker_url, folder)
        self.http_threads = 200
        self.port = 0

    def variables(self, folder: Path) -> Mapping[str, str]:
        return {
            "DJANGO_SETTINGS_MODULE": "scheduler_project.settings",
            "MAINSPRING_COMMAND_MODULES": "benchmarks.product.commands",
            "MAINSPRING_HTTP_ALLOW_PRIVATE_NETWORKS": "true",
            "MAINSPRING_HTTPS": "false",
        }

    def command(self, role: str) -> list[str]:
        """Return the Procfile's command line; beat and `worker` use one database connection instead of a pool."""
        celery = [self.interpreter, "-m", "celery", "-A", self.app]
        pool = ["env", f"MAINSPRING_DB_POOL={0 if role in ('beat', 'worker') else 10 if role == 'web' else 20}"]
        match role:
            case "beat":
                return [*pool, *celery, "beat"]
            case "worker":
                return [*pool, *celery, "worker", "-n", "command@%h", "-Q", "command,housekeeping", *WORKER_OPTIONS]
            case "worker-http":
                threads = ("-P", "threads", "-c", str(self.http_threads), "--without-gossip", "--without-mingle")
                return [*pool, *celery, "worker", "-n", "http@%h", "-Q", "http,housekeeping", *threads]
            case _:
                config = ("--config", "python:scheduler_project.gunicornconfig", "--bind", f"{HOST}:{self.port}")
                return [*pool, *python("-m", "gunicorn", "scheduler_project.wsgi"), *config]

    def ready_text(self, role: str) -> str:
        return {"worker": "ready.", "worker-http": "ready.", "web": "Booting worker"}.get(role, "")

    @staticmethod
    def n_runs(message: bytes) -> int:
        """Return the number of runs in the first argument of the Celery task."""
        arguments, _, _ = json.loads(base64.b64decode(json.loads(message)["body"]))
        return len(arguments[0])

    def prepare(self) -> None:
        run(python(str(ROOT / "manage.py"), "migrate", "--verbosity", "0"), self.environment)
        run(product("prototype"), self.environment)

    def fill(self, n_jobs: int) -> None:
        seeds.add_jobs(self.database_url, n_jobs, self.kind)

    def make_due(self, instants: Sequence[float], first: int = 0) -> None:
        seeds.make_due(self.database_url, instants, first)

    def publish_one_per_message(self, n_runs: int) -> None:
        """Publish each due run in its own message, without a beat."""
        run(product("publish", str(n_runs)), self.environment)

    def choose_port(self) -> int:
        """Choose and return a free port for `web` to listen on."""
        self.port = free_port()
        return self.port

    def editor(self) -> list[str]:
        return product("editor")

    def api_key(self) -> str:
        """Create an API key of a superuser and return it."""
        return output_of(product("api_key"), self.environment)

    def n_finished(self) -> int:
        return seeds.n_finished(self.database_url)

    def finished_runs(self) -> list[Run]:
        if others := seeds.unsuccessful_runs(self.database_url):
            raise CannotMeasure(f"not every run succeeded: {others}")
        return [Run(*row) for row in seeds.finished_runs(self.database_url)]


class MainspringHttp(Mainspring):
    """Mainspring with jobs that send an HTTP request."""

    queue = "http"
    kind = "http"

    def set_url(self, url: str) -> None:
        """Set the URL that all jobs call."""
        seeds.set_url(self.database_url, url)


def product(program: str, *arguments: str) -> list[str]:
    """Return the command line of a program in `benchmarks/product/`."""
    return python("-m", "benchmarks.with_django", f"benchmarks.product.{program}", *arguments)
