"""Queues that keep a record of each run in PostgreSQL: what stands beside Mainspring under a backlog."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar, LiteralString

import psycopg

from benchmarks.contenders.base import WORKER, CeleryContender, Contender, Run
from benchmarks.peers import installed
from benchmarks.processes import ROOT, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class KeepsRecord(Contender):
    """Its runs are read from the database: `over` selects their starts and ends, in seconds since 1970."""

    roles = ("worker",)
    over: ClassVar[LiteralString]
    n_over: ClassVar[LiteralString]

    def n_done(self) -> int:
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute(self.n_over).fetchone()
        return int(row[0]) if row else 0

    def done(self) -> list[Run]:
        with psycopg.connect(self.database_url) as connection:
            return [Run(start, start, end) for start, end in connection.execute(self.over).fetchall()]


class CeleryResults(CeleryContender, KeepsRecord):
    """Celery with django-celery-results as it comes: a connection for each stored result."""

    key = "celery_results"
    name = "Celery + django-celery-results"
    app = "benchmarks.peers.celery_results.app"
    queue = None
    arguments: ClassVar[Mapping[str, tuple[str, ...]]] = {"worker": WORKER}
    n_over = "SELECT count(*) FROM django_celery_results_taskresult WHERE status = 'SUCCESS'"
    # When a task started is in the result of the no-op: the time that is stored is that of the row's first write.
    over = """
        SELECT result::float8, extract(epoch FROM date_done)::float8
          FROM django_celery_results_taskresult WHERE status = 'SUCCESS'
    """
    reuse: ClassVar[str] = ""

    @property
    def interpreter(self) -> str:
        return installed.python()

    def variables(self, folder: Path) -> Mapping[str, str]:
        settings = "benchmarks.peers.celery_results.settings"
        return {"DJANGO_SETTINGS_MODULE": settings, "BENCH_REUSE": self.reuse, "BENCH_STARTS": str(folder / "starts")}

    def prepare(self) -> None:
        run([self.interpreter, "-m", "django", "migrate", "--verbosity", "0"], self.environment)

    def send(self, instants: Sequence[float]) -> bool:
        send = ("-m", "benchmarks.with_django", "benchmarks.peers.celery_results.send", str(len(instants)))
        run([self.interpreter, *send], self.environment)
        return True


class CeleryResultsKept(CeleryResults):
    """... with its connections kept."""

    name = "Celery + django-celery-results, CELERY_DB_REUSE_MAX"
    reuse = "1000000"


class Procrastinate(KeepsRecord):
    """Each worker process with its default of one job at a time would wait for the database most of the time."""

    key = "procrastinate"
    name = "procrastinate"
    n_over = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'"
    over = """
        SELECT extract(epoch FROM min(at))::float8, extract(epoch FROM max(at))::float8
          FROM procrastinate_events WHERE type IN ('started', 'succeeded') GROUP BY job_id HAVING count(*) = 2
    """

    def command(self, role: str) -> list[str]:
        concurrency = ("--concurrency", "10")
        return [*self._program("procrastinate"), "--app", "benchmarks.peers.procrastinate.app.app", role, *concurrency]

    def ready_text(self, role: str) -> str:
        return ""

    def prepare(self) -> None:
        schema = ("--app", "benchmarks.peers.procrastinate.app.app", "schema", "--apply")
        run([*self._program("procrastinate"), *schema], self.environment)

    def send(self, instants: Sequence[float]) -> bool:
        run([*self._program("benchmarks.peers.procrastinate.send"), str(len(instants))], self.environment)
        return True

    def _program(self, module: str) -> list[str]:
        return [installed.python(), "-m", module]


class NodeQueue(KeepsRecord):
    """One whose worker is `worker.js` in its folder, and which `send.js` prepares and fills."""

    mode: ClassVar[str] = "stock"

    def variables(self, folder: Path) -> Mapping[str, str]:
        return {"NODE_PATH": installed.node_path()}

    def command(self, role: str) -> list[str]:
        return [*self._program("worker"), self.mode]

    def prepare(self) -> None:
        run([*self._program("send"), "0"], self.environment)

    def send(self, instants: Sequence[float]) -> bool:
        run([*self._program("send"), json.dumps(len(instants))], self.environment)
        return True

    def _program(self, name: str) -> list[str]:
        return [installed.node(), str(ROOT / "benchmarks" / "peers" / self.key / f"{name}.js")]


class GraphileWorker(NodeQueue):
    """It deletes what is done, so its no-op writes a row of history."""

    key = "graphile_worker"
    name = "graphile-worker with a history row"
    n_over = "SELECT count(*) FROM history"
    over = "SELECT extract(epoch FROM started_at)::float8, extract(epoch FROM finished_at)::float8 FROM history"


class GraphileWorkerBatched(GraphileWorker):
    """... with its local queue and batched completion."""

    name = "graphile-worker with a history row, batched"
    mode = "batched"


class PgBoss(NodeQueue):
    """Its job table is its history."""

    key = "pg_boss"
    name = "pg-boss, four times batches of 100"
    n_over = "SELECT count(*) FROM pgboss.job WHERE name = 'bench' AND state = 'completed'"
    over = """
        SELECT extract(epoch FROM started_on)::float8, extract(epoch FROM completed_on)::float8
          FROM pgboss.job WHERE name = 'bench' AND state = 'completed'
    """
