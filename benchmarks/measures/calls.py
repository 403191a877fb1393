"""A7: HTTP runs against a server on this machine that answers at once, and one that takes its time."""

from __future__ import annotations

import http.client
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.exceptions import CannotMeasure
from benchmarks.measures.backlog import PATIENCE, carry_out, rate
from benchmarks.processes import Process, python
from benchmarks.table import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.arena import Arena
    from benchmarks.contenders.mainspring import MainspringHttp


def at_once(ring: Arena[MainspringHttp], n_runs: int, n_workers: int) -> list[Figure]:
    """`n_runs` are in the broker when the workers begin."""
    with _server(ring) as port:
        _publish(ring, n_runs, f"http://127.0.0.1:{port}/0")
        runs = carry_out(ring, n_runs, "worker-http", n_workers)
    return [Figure(f"HTTP runs, answered at once, {_processes(n_workers)}", rate(runs), "/s", more_is_better=True)]


def slow(ring: Arena[MainspringHttp], n_runs: int, n_threads: int, seconds: float) -> list[Figure]:
    """The server takes `seconds`; one worker process with `n_threads` is looked at while it has most in flight.

    The connections are those of the database: the worker's, and two of the beat.
    """
    with _server(ring) as port:
        _publish(ring, n_runs, f"http://127.0.0.1:{port}/{seconds:g}")
        ring.contender.http_threads = n_threads
        worker = ring.start("worker-http")
        n_connections, until = 0, time.monotonic() + PATIENCE
        while ring.contender.n_done() < n_runs:
            if time.monotonic() > until:
                raise CannotMeasure(f"{ring.contender.n_done():,} of {n_runs:,} runs were over after {PATIENCE:.0f} s")
            n_connections = max(n_connections, ring.stores.n_connections(ring.contender.database_url))
            ring.rest(0.1)
        _, memory = worker.memory()
        n_open = _most_open(port)
    what = f"HTTP runs, answered after {seconds:g} s, one process"
    return [
        Figure(f"{what}: in flight at most", n_open, "", more_is_better=True),
        Figure(f"{what}: runs", rate(ring.contender.done()), "/s", more_is_better=True),
        Figure(f"{what}: resident memory at its highest", memory, "MB"),
        Figure(f"{what}: database connections at most", n_connections, ""),
    ]


def _publish(ring: Arena[MainspringHttp], n_runs: int, url: str) -> None:
    """The beat goes on: what a worker gives back when the database makes it wait is for the beat to publish again."""
    ring.contender.aim(url)
    ring.contender.make_due([time.time()] * n_runs)
    ring.start("beat")
    ring.wait_for_messages(n_runs, PATIENCE)


@contextmanager
def _server(ring: Arena[MainspringHttp]) -> Iterator[int]:
    """A server in a process of its own; its port."""
    server = Process(python("-m", "benchmarks.answering"), ring.contender.environment, ring.contender.folder / "server")
    try:
        ring.wait(lambda: "\n" in server.log, 30, "the HTTP server was up")
        yield int(server.log.split()[1])
    finally:
        server.kill()


def _most_open(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/open")
    text = connection.getresponse().read()
    connection.close()
    return int(text)


def _processes(n: int) -> str:
    return "one process" if n == 1 else f"{n} processes"
