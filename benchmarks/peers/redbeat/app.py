"""The Celery application. `celery -A benchmarks.peers.redbeat.app worker | beat`."""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import worker_ready

app = Celery("redbeat", include=["benchmarks.peers.tasks"])
app.conf.update(
    broker_url=os.environ["BROKER_URL"],
    broker_connection_retry_on_startup=True,
    beat_scheduler="redbeat.RedBeatScheduler",
    # RedBeat's documentation recommends this: with Celery's default of 300 s, a new job starts up to five minutes late.
    beat_max_loop_interval=5,
    redbeat_redis_url=os.environ["BROKER_URL"],
    redbeat_redis_options={},
    task_ignore_result=True,
    timezone="UTC",
)


@worker_ready.connect
def print_ready(**_: object) -> None:
    """Print the line that the benchmark waits for: with the default log level a worker prints nothing."""
    print("worker ready.", flush=True)
