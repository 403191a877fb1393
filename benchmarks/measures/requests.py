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
    from collections.abc import Callable, Sequence

    from benchmarks.arena import Arena
    from benchmarks.contenders.mainspring import Mainspring

LISTS = {
    "jobs": "jobs?page_size=50",
    "jobs with a part of a name": "jobs?page_size=50&search=job%201",
    "runs": "runs?page_size=50",
    "failed runs": "runs?page_size=50&status=failed",
    "runs of one job": f"jobs/{seeds.job_id(1)}/runs?page_size=50",
}
IN_A_REQUEST = 500  # jobs
WARM_UP = 20  # requests: each process and thread of the server makes its connection


class Client:
    """One client with one connection, as long as the server keeps it."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def ask(self, path: str, body: object = None, wanted: int = 200, method: str = "GET") -> tuple[float, Any]:
        """Seconds and answer; raises CannotMeasure when the status is another."""
        began_at = time.perf_counter()
        self._connection.request(method, path, json.dumps(body), self._headers)
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


def measure(ring: Arena[Mainspring], n_runs: int, n_pages: int, n_creates: int, n_registered: int) -> list[Figure]:
    """Lists over all jobs and `n_runs` runs that are over; then jobs are made by one client and by eight, or registered by two."""
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
    clients = [Client(port, key) for _ in range(8)]
    share = n_creates // len(clients)
    figures.append(_together("create jobs, 8 at a time", _create, clients, n_creates, share))
    _register(clients[0], range(-WARM_UP, 0))
    for act in (f"register jobs, {IN_A_REQUEST} in a request", "register them again, as they are"):
        figures.append(_together(act, _register, clients[:2], 0, n_registered // 2))
    return figures


def _together(
    act: str, do: Callable[[Client, Sequence[int]], object], clients: Sequence[Client], first: int, share: int
) -> Figure:
    with ThreadPoolExecutor(len(clients)) as pool:
        starts = range(first, first + len(clients) * share, share)
        began_at = time.perf_counter()
        done = [
            pool.submit(do, client, range(start, start + share)) for client, start in zip(clients, starts, strict=True)
        ]
        for one in done:
            one.result()
        took = time.perf_counter() - began_at
    return Figure(f"API: {act}", len(clients) * share / took, "/s", more_is_better=True)


def _create(client: Client, numbers: Sequence[int]) -> list[float]:
    return [client.ask("/api/v1/jobs", _job(number), wanted=201, method="POST")[0] for number in numbers]


def _register(client: Client, numbers: Sequence[int]) -> None:
    jobs = [{"key": f"job-{number}", **_job(number)} for number in numbers]
    for start in range(0, len(jobs), IN_A_REQUEST):
        client.ask("/api/v1/jobs/by-key", {"jobs": jobs[start : start + IN_A_REQUEST]}, method="PUT")


def _job(number: int) -> dict[str, Any]:
    return {
        "name": f"made {number}",
        "schedule": {"cron": f"{number % 60} 9 * * *"},
        "target": {"kind": "command", "name": NOOP},
    }


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    return False
