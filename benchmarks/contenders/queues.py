"""Mainspring's peers in the backlog measurement: queues that also store each run in PostgreSQL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar, LiteralString

import psycopg

from benchmarks.contenders.base import WORKER_OPTIONS, CeleryContender, Contender, Run
from benchmarks.peers import install
from benchmarks.processes import ROOT, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class RecordsInDatabase(Contender):
    """Reads runs from the database: `finished_sql` selects the start and end of each, in seconds since 1970."""

    roles = ("worker",)
    finished_sql: ClassVar[LiteralString]
    n_finished_sql: ClassVar[LiteralString]

    def n_finished(self) -> int:
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute(self.n_finished_sql).fetchone()
        return int(row[0]) if row else 0

    def finished_runs(self) -> list[Run]:
        with psycopg.connect(self.database_url) as connection:
            return [Run(start, start, end) for start, end in connection.execute(self.finished_sql).fetchall()]


class CeleryResults(CeleryContender, RecordsInDatabase):
    """Celery with django-celery-results and its defaults, which open a connection for each stored result."""

    key = "celery_results"
    name = "Celery + django-celery-results"
    app = "benchmarks.peers.celery_results.app"
    queue = None
    arguments: ClassVar[Mapping[str, tuple[str, ...]]] = {"worker": WORKER_OPTIONS}
    n_finished_sql = "SELECT count(*) FROM django_celery_results_taskresult WHERE status = 'SUCCESS'"
    # The no-op returns its start time, because `date_created` is the time at which the row was first written.
    finished_sql = """
        SELECT result::float8, extract(epoch FROM date_done)::float8
          FROM django_celery_results_taskresult WHERE status = 'SUCCESS'
    """
    reuse: ClassVar[str] = ""

    @property
    def interpreter(self) -> str:
        return install.python()

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
    """`CeleryResults` with persistent database connections."""

    name = "Celery + django-celery-results, CELERY_DB_REUSE_MAX"
    reuse = "1000000"


class Procrastinate(RecordsInDatabase):
    """procrastinate with ten concurrent jobs: with one job (its default), a worker mostly waits for the database."""

    key = "procrastinate"
    name = "procrastinate"
    n_finished_sql = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'"
    finished_sql = """
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
        return [install.python(), "-m", module]


class NodeQueue(RecordsInDatabase):
    """A queue for Node.js: `worker.js` in its folder runs jobs, `send.js` creates its tables and enqueues jobs."""

    mode: ClassVar[str] = "stock"

    def variables(self, folder: Path) -> Mapping[str, str]:
        return {"NODE_PATH": install.node_path()}

    def command(self, role: str) -> list[str]:
        return [*self._program("worker"), self.mode]

    def prepare(self) -> None:
        run([*self._program("send"), "0"], self.environment)

    def send(self, instants: Sequence[float]) -> bool:
        run([*self._program("send"), json.dumps(len(instants))], self.environment)
        return True

    def _program(self, name: str) -> list[str]:
        return [install.node(), str(ROOT / "benchmarks" / "peers" / self.key / f"{name}.js")]


class GraphileWorker(NodeQueue):
    """graphile-worker deletes finished jobs, so the no-op inserts a history row."""

    key = "graphile_worker"
    name = "graphile-worker with a history row"
    n_finished_sql = "SELECT count(*) FROM history"
    finished_sql = "SELECT extract(epoch FROM started_at)::float8, extract(epoch FROM finished_at)::float8 FROM history"


class GraphileWorkerBatched(GraphileWorker):
    """`GraphileWorker` with a local queue and batched completion."""

    name = "graphile-worker with a history row, batched"
    mode = "batched"


class PgBoss(NodeQueue):
    """pg-boss keeps finished jobs in its job table."""

    key = "pg_boss"
    name = "pg-boss, four times batches of 100"
    n_finished_sql = "SELECT count(*) FROM pgboss.job WHERE name = 'bench' AND state = 'completed'"
    finished_sql = """
        SELECT extract(epoch FROM started_on)::float8, extract(epoch FROM completed_on)::float8
          FROM pgboss.job WHERE name = 'bench' AND state = 'completed'
    """
