"""The five programs of `make run`, grouped into stages that are stopped one after the other."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from scheduler_project.launch.child import Program
from scheduler_project.launch.server import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EXPECTED_WARNINGS = (
    "ignore:::celery.platforms",  # a worker that runs as root, as is common in containers
    "ignore:No directory at:UserWarning",  # static files are not collected: they are served from the packages
)
WORKER_GRACE = 20.0  # seconds in which a worker may finish its runs before it is killed
PROGRAM_GRACE = 10.0  # seconds for the other programs


CELERY = ("celery", "-A", "scheduler_project.celery", "--quiet")
WORKER = (*CELERY, "worker", "--without-gossip", "--without-mingle")


def stages(variables: Mapping[str, str], *, port: int, flower_port: int) -> list[list[Program]]:
    """Return the programs in the order in which they are stopped: web, beat, Flower, workers.

    Without web, no new requests arrive. Without beat, no new runs are published. Flower stops before the workers: if
    Flower were still running, it would report the stopped workers.
    """
    common = {
        **variables,
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": ",".join(EXPECTED_WARNINGS),
    }
    return [[_web(common, port)], [_beat(common)], [_flower(common, flower_port)], _workers(common)]


def _web(common: Mapping[str, str], port: int) -> Program:
    command = (
        *("gunicorn", "scheduler_project.wsgi", "--config", "python:scheduler_project.gunicornconfig"),
        *("--bind", f"{HOST}:{port}", "--graceful-timeout", "5"),
    )
    return _program("web", command, common, pool=10, ready="Listening at")


def _beat(common: Mapping[str, str]) -> Program:
    return _program("beat", (*CELERY, "beat"), common, pool=0, ready="beat: Starting")


def _flower(common: Mapping[str, str], port: int) -> Program:
    command = (
        *(*CELERY, "flower", "--conf=scheduler_project/flowerconfig.py"),
        *(f"--address={HOST}", f"--port={port}"),
    )
    return _program("flower", command, common, pool=2, ready="Connected to")


def _workers(common: Mapping[str, str]) -> list[Program]:
    commands = (*WORKER, "-n", "command@%h", "-P", "prefork", "-c", "2", "-Q", "command,housekeeping")
    http = (*WORKER, "-n", "http@%h", "-P", "threads", "-c", "50", "-Q", "http,housekeeping")
    return [
        _program("worker", commands, common, pool=0, ready=r"command@\S+ ready", grace=WORKER_GRACE),
        _program("worker-http", http, common, pool=20, ready=r"http@\S+ ready", grace=WORKER_GRACE),
    ]


def _program(
    name: str,
    command: Sequence[str],
    common: Mapping[str, str],
    *,
    pool: int,
    ready: str,
    grace: float = PROGRAM_GRACE,
) -> Program:
    """Return a program that runs a Python module.

    `pool` is the size of its database connection pool, 0 for none. MAINSPRING_DB_POOL in `common` replaces any size
    other than 0.
    """
    environment = dict(common)
    # beat and each process of `worker` use one connection at a time, so they need no pool.
    if not pool or not (common.get("MAINSPRING_DB_POOL") or common.get("MAINSPRING_DB_POOL_FILE")):
        environment["MAINSPRING_DB_POOL"] = str(pool)
    return Program(name, [sys.executable, "-m", *command], environment, ready=ready, grace=grace)
