"""The five programs of `make run`, grouped into stages that are stopped one after the other."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from scheduler_project.launch.child import Program
from scheduler_project.launch.server import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping

EXPECTED_WARNINGS = (
    "ignore:::celery.platforms",  # a worker that runs as root, as is common in containers
    "ignore:No directory at:UserWarning",  # static files are not collected: they are served from the packages
)
WORKER_GRACE = 20.0  # seconds in which a worker may finish its runs before it is killed
PROGRAM_GRACE = 10.0  # seconds for the other programs


def stages(variables: Mapping[str, str], *, port: int, flower_port: int) -> list[list[Program]]:
    """Return the programs in the order of the stop: web, beat, Flower, workers.

    First no new requests come in, then no new runs start; Flower ends before the workers, whose end it would report.
    """
    common = {
        **variables,
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": ",".join(EXPECTED_WARNINGS),
    }

    def program(name: str, command: list[str], *, pool: int, ready: str, grace: float = PROGRAM_GRACE) -> Program:
        environment = dict(common)
        # beat and each process of `worker` use one connection at a time, so a pool is never right for them.
        if not pool or not (common.get("MAINSPRING_DB_POOL") or common.get("MAINSPRING_DB_POOL_FILE")):
            environment["MAINSPRING_DB_POOL"] = str(pool)
        return Program(name, [sys.executable, "-m", *command], environment, ready=ready, grace=grace)

    celery = ["celery", "-A", "scheduler_project.celery", "--quiet"]
    worker = [*celery, "worker", "--without-gossip", "--without-mingle"]
    return [
        [
            program(
                "web",
                [
                    *("gunicorn", "scheduler_project.wsgi", "--config", "python:scheduler_project.gunicornconfig"),
                    *("--bind", f"{HOST}:{port}", "--graceful-timeout", "5"),
                ],
                pool=10,
                ready="Listening at",
            )
        ],
        [program("beat", [*celery, "beat"], pool=0, ready="beat: Starting")],
        [
            program(
                "flower",
                [
                    *(*celery, "flower", "--conf=scheduler_project/flowerconfig.py"),
                    *(f"--address={HOST}", f"--port={flower_port}"),
                ],
                pool=2,
                ready="Connected to",
            )
        ],
        [
            program(
                "worker",
                [*worker, "-n", "command@%h", "-P", "prefork", "-c", "2", "-Q", "command,housekeeping"],
                pool=0,
                ready=r"command@\S+ ready",
                grace=WORKER_GRACE,
            ),
            program(
                "worker-http",
                [*worker, "-n", "http@%h", "-P", "threads", "-c", "50", "-Q", "http,housekeeping"],
                pool=20,
                ready=r"http@\S+ ready",
                grace=WORKER_GRACE,
            ),
        ],
    ]
