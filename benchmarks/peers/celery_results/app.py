"""The Celery application. `celery -A benchmarks.peers.celery_results.app worker`."""

from __future__ import annotations

import os
import time

from celery import Celery
from celery.signals import worker_ready

app = Celery("results")
app.config_from_object("django.conf:settings", namespace="CELERY")
if reuse := os.environ.get("BENCH_REUSE"):
    app.conf["CELERY_DB_REUSE_MAX"] = int(reuse)


def started_at() -> float:
    """Return the current time in seconds since 1970, and do nothing else."""
    return time.time()


noop = app.task(name="peer.started_at")(started_at)


@worker_ready.connect
def print_ready(**_: object) -> None:
    """Print the line that the benchmark waits for: with the default log level a worker prints nothing."""
    print("worker ready.", flush=True)
