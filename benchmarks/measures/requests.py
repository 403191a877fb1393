"""A9: the API over real HTTP: pages of lists, and making jobs."""

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
from benchmarks.measures.spread import spread
from benchmarks.product.commands import NOOP
from benchmarks.table import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.arena import Arena
    from benchmarks.contenders.mainspring import Mainspring

LISTS = {
    "jobs": "jobs?page_size=50",
    "jobs with a part of a name": "jobs?page_size=50&search=job%201",
    "runs": "runs?page_size=50",
    "failed runs": "runs?page_size=50&status=failed",
    "runs of one job": f"jobs/{seeds.job_id(1)}/runs?page_size=50",
}
WARM_UP = 20  # requests: each process and thread of the server makes its connection


class Client:
    """One client with one connection, as long as the server keeps it."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def ask(self, path: str, body: object = None, wanted: int = 200) -> tuple[float, Any]:
        """Seconds and answer; raises CannotMeasure when the status is another."""
        began_at = time.perf_counter()
        self._connection.request("GET" if body is None else "POST", path, json.dumps(body), self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        took = time.perf_counter() - began_at
        if answer.status != wanted:
            raise CannotMeasure(f"{path} answered {answer.status}: {text[:100].decode(errors='replace')}")
        return took, json.loads(text)

    def walk(self, path: str, n_pages: int) -> list[float]:
        """Seconds of each page, from the first one on by the links; from the start again when there is none."""
        took, place = [], path
        for _ in range(n_pages):
            seconds, page = self.ask(place)
            took.append(seconds)
            link = urlsplit(page["next"] or "")
            place = f"{link.path}?{link.query}" if link.path else path
        return took


def measure(ring: Arena[Mainspring], n_runs: int, n_pages: int, n_creates: int) -> list[Figure]:
    """Lists over all jobs and `n_runs` runs that are over; then jobs are made, by one client and by eight."""
    seeds.add_runs(ring.contender.database_url, n_runs, ring.n_jobs)
    key = ring.contender.api_key()
    port = ring.contender.choose_port()
    ring.start("web")
    ring.wait(lambda: _answers(port), 60, "web answered", every=0.2)
    figures = []
    client = Client(port, key)
    for name, path in LISTS.items():
        client.walk(f"/api/v1/{path}", min(WARM_UP, n_pages))
        took = client.walk(f"/api/v1/{path}", n_pages)
        figures += spread(f"API: a page of 50 {name}", took, "ms", 50, 95)
    figures += spread("API: create a job", _create(client, range(n_creates)), "ms", 50, 95)
    return [*figures, _together(port, key, 8, n_creates)]


def _together(port: int, key: str, n_clients: int, n_creates: int) -> Figure:
    share = n_creates // n_clients
    with ThreadPoolExecutor(n_clients) as pool:
        clients = [Client(port, key) for _ in range(n_clients)]
        began_at = time.perf_counter()
        done = [
            pool.submit(_create, client, range(n_creates + place * share, n_creates + (place + 1) * share))
            for place, client in enumerate(clients)
        ]
        for one in done:
            one.result()
        took = time.perf_counter() - began_at
    return Figure("API: create jobs, 8 at a time", n_clients * share / took, "/s", more_is_better=True)


def _create(client: Client, numbers: Sequence[int]) -> list[float]:
    took = []
    for number in numbers:
        job = {
            "name": f"made {number}",
            "schedule": {"cron": f"{number % 60} 9 * * *"},
            "target": {"kind": "command", "name": NOOP},
        }
        took.append(client.ask("/api/v1/jobs", job, wanted=201)[0])
    return took


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    return False
