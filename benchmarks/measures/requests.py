"""A9: the REST API over HTTP: pages of lists, creating jobs and registering jobs."""

from __future__ import annotations

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from benchmarks import seeds
from benchmarks.exceptions import CannotMeasure
from benchmarks.measures.percentiles import percentile_figures
from benchmarks.product.command_names import NOOP
from benchmarks.table import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.contenders.mainspring import Mainspring
    from benchmarks.trial import Trial

LISTS = {
    "jobs": "jobs?page_size=50",
    "jobs with a part of a name": "jobs?page_size=50&search=job%201",
    "runs": "runs?page_size=50",
    "failed runs": "runs?page_size=50&status=failed",
    "runs of one job": f"jobs/{seeds.job_id(1)}/runs?page_size=50",
}
JOBS_PER_REQUEST = 500  # half of the maximum that the API accepts
N_WARM_UP = 20  # requests, so that each process and thread of the server has opened its database connection


class Client:
    """An HTTP client with one connection, kept open as long as the server allows."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def send(self, path: str, body: object = None, expected: int = 200, method: str = "GET") -> tuple[float, Any]:
        """Send a request; return its duration in seconds and the JSON. Raises CannotMeasure for another status."""
        started_at = time.perf_counter()
        self._connection.request(method, path, json.dumps(body), self._headers)
        response = self._connection.getresponse()
        text = response.read()
        seconds = time.perf_counter() - started_at
        if response.status != expected:
            raise CannotMeasure(f"{path} returned {response.status}: {text[:100].decode(errors='replace')}")
        return seconds, json.loads(text)

    def read_pages(self, path: str, n_pages: int) -> list[float]:
        """Follow the `next` links, and start again after the last page; return the seconds of each request."""
        all_seconds, page_path = [], path
        for _ in range(n_pages):
            seconds, page = self.send(page_path)
            all_seconds.append(seconds)
            link = urlsplit(page["next"] or "")
            page_path = f"{link.path}?{link.query}" if link.path else path
        return all_seconds


def measure(trial: Trial[Mainspring], n_runs: int, n_pages: int, n_creates: int, n_registered: int) -> list[Figure]:
    """Read pages of lists with `n_runs` finished runs, create jobs and register jobs.

    One client reads. One client, then eight clients create jobs. Two clients register jobs.
    """
    seeds.add_runs(trial.contender.database_url, n_runs, trial.n_jobs)
    key = trial.contender.api_key()
    port = trial.contender.choose_port()
    trial.start("web")
    trial.wait(lambda: _is_ready(port), 60, "web was not ready", every=0.2)
    figures = []
    client = Client(port, key)
    for name, path in LISTS.items():
        client.read_pages(f"/api/v1/{path}", min(N_WARM_UP, n_pages))
        seconds = client.read_pages(f"/api/v1/{path}", n_pages)
        figures += percentile_figures(f"API: a page of 50 {name}", seconds, "ms", 50, 95)
    figures += percentile_figures("API: create a job", _create(client, range(n_creates)), "ms", 50, 95)
    clients = [Client(port, key) for _ in range(8)]
    share = n_creates // len(clients)
    figures.append(_in_parallel("create jobs, 8 at a time", _create, clients, n_creates, share))
    _register(clients[0], range(-N_WARM_UP, 0))
    for act in (f"register jobs, {JOBS_PER_REQUEST} in a request", "register the same jobs again, unchanged"):
        # New clients: the server closes connections that were idle during the warm-up.
        clients = [Client(port, key) for _ in range(2)]
        figures.append(_in_parallel(act, _register, clients, 0, n_registered // 2))
    return figures


def _in_parallel(
    act: str, do: Callable[[Client, Sequence[int]], object], clients: Sequence[Client], first: int, share: int
) -> Figure:
    with ThreadPoolExecutor(len(clients)) as pool:
        starts = range(first, first + len(clients) * share, share)
        started_at = time.perf_counter()
        futures = [
            pool.submit(do, client, range(start, start + share)) for client, start in zip(clients, starts, strict=True)
        ]
        for future in futures:
            future.result()
        seconds = time.perf_counter() - started_at
    return Figure(f"API: {act}", len(clients) * share / seconds, "/s", more_is_better=True)


def _create(client: Client, numbers: Sequence[int]) -> list[float]:
    return [client.send("/api/v1/jobs", _job(number), expected=201, method="POST")[0] for number in numbers]


def _register(client: Client, numbers: Sequence[int]) -> None:
    jobs = [{"key": f"job-{number}", **_job(number)} for number in numbers]
    for start in range(0, len(jobs), JOBS_PER_REQUEST):
        client.send("/api/v1/jobs/by-key", {"jobs": jobs[start : start + JOBS_PER_REQUEST]}, method="PUT")


def _job(number: int) -> dict[str, Any]:
    return {
        "name": f"created {number}",
        "schedule": {"cron": f"{number % 60} 9 * * *"},
        "target": {"kind": "command", "name": NOOP},
    }


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    return False
