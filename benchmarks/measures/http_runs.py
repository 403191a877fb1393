"""A7: HTTP runs against a server on this machine, with immediate and with slow responses."""

from __future__ import annotations

import http.client
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.exceptions import CannotMeasure
from benchmarks.measures.backlog import RUN_TIMEOUT, rate, run_workers
from benchmarks.processes import Process, python
from benchmarks.table import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.contenders.mainspring import MainspringHttp
    from benchmarks.trial import Trial


def at_once(trial: Trial[MainspringHttp], n_runs: int, n_workers: int) -> list[Figure]:
    """Publish `n_runs` runs, then start the workers. The server responds immediately."""
    with _server(trial) as port:
        _publish(trial, n_runs, f"http://127.0.0.1:{port}/0")
        runs = run_workers(trial, n_runs, "worker-http", n_workers)
    return [Figure(f"HTTP runs, answered at once, {_processes(n_workers)}", rate(runs), "/s", more_is_better=True)]


def slow(trial: Trial[MainspringHttp], n_runs: int, n_threads: int, seconds: float) -> list[Figure]:
    """Run `n_runs` requests in one worker process with `n_threads` threads; each response takes `seconds`.

    The figure for database connections includes two connections of beat.
    """
    with _server(trial) as port:
        _publish(trial, n_runs, f"http://127.0.0.1:{port}/{seconds:g}")
        trial.contender.http_threads = n_threads
        worker = trial.start("worker-http")
        n_connections, deadline = 0, time.monotonic() + RUN_TIMEOUT
        while trial.contender.n_finished() < n_runs:
            if time.monotonic() > deadline:
                n_finished = trial.contender.n_finished()
                raise CannotMeasure(f"{n_finished:,} of {n_runs:,} runs had finished after {RUN_TIMEOUT:.0f} s")
            n_connections = max(n_connections, trial.stores.n_connections(trial.contender.database_url))
            trial.rest(0.1)
        _, memory = worker.memory()
        n_open = _max_open(port)
    what = f"HTTP runs, answered after {seconds:g} s, one process"
    return [
        Figure(f"{what}: max. in flight", n_open, "", more_is_better=True),
        Figure(f"{what}: runs", rate(trial.contender.finished_runs()), "/s", more_is_better=True),
        Figure(f"{what}: peak resident memory", memory, "MB"),
        Figure(f"{what}: max. database connections", n_connections, ""),
    ]


def _publish(trial: Trial[MainspringHttp], n_runs: int, url: str) -> None:
    """Publish the runs with a beat.

    The beat keeps running, because it publishes runs again that a worker has returned to the queue.
    """
    trial.contender.set_url(url)
    trial.contender.make_due([time.time()] * n_runs)
    trial.start("beat")
    trial.wait_for_messages(n_runs, RUN_TIMEOUT)


@contextmanager
def _server(trial: Trial[MainspringHttp]) -> Iterator[int]:
    """Run the HTTP server in its own process and yield its port."""
    server = Process(
        python("-m", "benchmarks.http_server"), trial.contender.environment, trial.contender.folder / "server"
    )
    try:
        trial.wait(lambda: "\n" in server.log, 30, "the HTTP server did not start")
        yield int(server.log.split()[1])
    finally:
        server.kill()


def _max_open(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/open")
    text = connection.getresponse().read()
    connection.close()
    return int(text)


def _processes(n: int) -> str:
    return "one process" if n == 1 else f"{n} processes"
