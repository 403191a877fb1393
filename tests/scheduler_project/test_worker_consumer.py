"""Proves with real workers that unreadable messages are dropped, events are sent in batches, and no password leaks."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import redis
from celery import Celery
from kombu import Connection

import scheduler_project.celery  # noqa: F401  (the transport is registered there)
from scheduler_project.launch.valkey import Valkey
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = pytest.mark.long


class Worker:
    """A running worker without runs, on its own broker."""

    def __init__(self, broker: Valkey, folder: Path, pool: str, queues: str = "housekeeping", **variables: str) -> None:
        self.broker = redis.Redis.from_url(broker.url)
        self.control = Celery("control", broker=broker.url).control
        self._file = folder / "worker.log"
        command = [*(sys.executable, "-m", "celery", "-A", "scheduler_project.celery", "worker"), "-Q", queues]
        command += ["-P", pool, "-c", "2", "--without-gossip", "--without-mingle"]
        with self._file.open("wb") as file:
            self.process = subprocess.Popen(
                command,
                stdout=file,
                stderr=file,
                env=os.environ | {"BROKER_URL": broker.url, "REDIS_URL": broker.url} | variables,
            )
        wait_until(lambda: " ready." in self.log(), 60, what="the worker's start")

    def log(self) -> str:
        return self._file.read_text()

    def send(self, message: bytes) -> None:
        self.broker.lpush("housekeeping", message)

    def is_done(self) -> bool:
        """Return whether the worker has handled all messages, or has ended."""
        return self.process.poll() is not None or not (self.broker.llen("housekeeping") or self.broker.hlen("unacked"))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey(tmp_path / "valkey") as server:
        yield server


@pytest.fixture(params=["prefork", "threads"])
def worker(broker: Valkey, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Worker]:
    worker = Worker(broker, tmp_path, request.param)
    yield worker
    worker.process.terminate()
    worker.process.wait(30)
    worker.broker.close()


def envelope(body: Any, **changes: Any) -> bytes:
    """Return a message as kombu writes it, with some parts replaced."""
    message: dict[str, Any] = {
        "body": body,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": "executions.nothing", "id": "an-id", "argsrepr": "()", "kwargsrepr": "{}"},
        "properties": {
            "body_encoding": "base64",
            "correlation_id": "an-id",
            "delivery_info": {"exchange": "", "routing_key": "housekeeping"},
            "delivery_mode": 2,
            "delivery_tag": "a-tag",
            "priority": 0,
        },
    }
    properties = {**message["properties"], **changes.pop("properties", {})}
    headers = {**message["headers"], **changes.pop("headers", {})}
    return json.dumps({**message, "properties": properties, "headers": headers, **changes}).encode()


def encoded(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


REAP: dict[str, Any] = {"headers": {"task": "executions.reap"}}
MALFORMED = [
    b"5",
    b"null",
    b"[]",
    b"{}",
    b"no json",
    b"\xff\xfe\x00",
    b"[" * 20_000,
    b'{"__type__": "uuid", "__value__": {"hex": 5}}',
    envelope("@@@", **REAP),
    envelope("@@@@@", **REAP),
    envelope(5, **REAP),
    envelope(None, **REAP),
    envelope(encoded(5), **REAP),
    envelope(encoded({}), **REAP),
    envelope(encoded([1, 2]), **REAP),
    envelope(encoded([[], [], []]), **REAP),
    envelope(encoded([5, 5, 5]), **REAP),
    envelope(base64.b64encode(b"\xff{").decode(), **REAP),
    envelope(encoded([[], {}, {}])),
    envelope(encoded([[], {}, {}]), headers={"task": {"a": 1}}),
    envelope(encoded([[], {}, {}]), headers={"task": "executions.reap", "id": None}),
    envelope(encoded([[], {}, {}]), headers={"task": "executions.reap", "eta": "tomorrow"}),
    envelope(encoded([[], {}, {}]), headers={"task": "executions.reap", "expires": {}}),
    envelope(encoded([[], {}, {}]), headers={"task": "executions.reap", "timelimit": 5}),
    envelope(encoded([[], {}, {}]), **{"headers": {}, "content-type": "application/x-python-serialize"}),
    envelope(encoded([[], {}, {}]), **REAP, properties={"body_encoding": "rot13"}),
    envelope(encoded([[], {}, {}]), **REAP, properties={"delivery_tag": {}}),
    envelope(encoded([[], {}, {}]), **REAP, properties={"delivery_info": 5}),
    json.dumps({"body": encoded([[], {}, {}]), "headers": 5, "properties": 5}).encode(),
    json.dumps({**json.loads(envelope(encoded([[], {}, {}]))), "headers": 5}).encode(),
]


def test_an_unreadable_message_is_dropped_and_the_worker_goes_on_working(worker: Worker) -> None:
    for message in MALFORMED:
        worker.send(message)
        wait_until(worker.is_done, what=f"the end of {message[:300]!r}")
        assert worker.process.poll() is None, (message[:300], worker.log()[-3000:])
    log = worker.log()
    assert log.count("message_dropped") >= len(MALFORMED) // 2
    assert "Unrecoverable" not in log
    assert worker.control.inspect(timeout=10, limit=1).ping()


LOADED = """
import gc, os
print("loaded in", os.getpid(), flush=True)
os.register_at_fork(after_in_child=lambda: print("is frozen", gc.get_freeze_count() > 100_000, flush=True))
"""


@pytest.mark.parametrize(("queues", "n_loaded"), [("command,housekeeping", 1), ("http,housekeeping", 0)])
def test_a_worker_opens_connections_and_imports_commands_before_its_first_message(
    broker: Valkey, tmp_path: Path, queues: str, n_loaded: int
) -> None:
    (tmp_path / "prints_when_loaded.py").write_text(LOADED)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    variables = {"PGAPPNAME": tmp_path.name, "MAINSPRING_COMMAND_MODULES": "prints_when_loaded", "PYTHONPATH": path}
    worker = Worker(broker, tmp_path, "prefork", queues, **variables, MAINSPRING_DB_POOL="0")
    try:
        wait_until(lambda: n_connections(tmp_path.name) == 2, what="a connection of each process")
        wait_until(lambda: worker.log().count("is frozen") == 2 * n_loaded, what=f"the forks: {worker.log()}")
        assert worker.log().count("loaded in") == n_loaded
        assert worker.log().count(f"loaded in {worker.process.pid}\n") == n_loaded
        assert worker.log().count("is frozen True") == 2 * n_loaded
    finally:
        worker.process.terminate()
        worker.process.wait(30)
        worker.broker.close()


def n_connections(application: str) -> int:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        rows = connection.execute("SELECT FROM pg_stat_activity WHERE application_name = %s", [application])
        return len(rows.fetchall())


def test_all_events_of_many_messages_are_sent_in_batches(worker: Worker, broker: Valkey) -> None:
    events: list[str] = []
    n_listening = worker.broker.pubsub_numpat()
    with Connection(broker.url) as connection:
        receiver = Celery("monitor", broker=broker.url).events.Receiver(
            connection, {"*": lambda event: events.append(event["type"])}
        )
        with receiver.consumer_context(wakeup=False) as (listening, *_):
            with suppress(TimeoutError):
                listening.drain_events(timeout=0.1)  # the first call subscribes
            wait_until(lambda: worker.broker.pubsub_numpat() > n_listening, what="the subscription")
            before = n_published(worker)
            for number in range(30):
                name = {"task": "celery.backend_cleanup", "id": f"task-{number}"}
                worker.send(envelope(encoded([[], {}, {}]), headers=name, properties={"delivery_tag": f"tag-{number}"}))
            deadline = time.monotonic() + 20
            while events.count("task-succeeded") < 30 and time.monotonic() < deadline:
                with suppress(TimeoutError):
                    listening.drain_events(timeout=0.5)
            assert n_published(worker) - before < 30
    assert [events.count(f"task-{name}") for name in ("received", "started", "succeeded")] == [30, 30, 30]


def n_published(worker: Worker) -> int:
    calls: Any = worker.broker.info("commandstats")
    return int(calls.get("cmdstat_publish", {"calls": 0})["calls"])


def test_a_workers_replies_to_inspection_contain_no_password(worker: Worker, broker: Valkey) -> None:
    inspect = worker.control.inspect(timeout=10, limit=1)
    replies = json.dumps([inspect.conf(), inspect.conf(with_defaults=True), inspect.stats(), inspect.report()])
    assert "housekeeping" in replies and "broker_url" in replies
    assert broker.password not in replies
    assert "postgres" not in replies
