"""The Celery application of the stock project. `celery -A benchmarks.peers.stock_beat.app worker | beat`."""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.peers.stock_beat.settings")

app = Celery("stock", include=["benchmarks.peers.tasks"])
app.config_from_object("django.conf:settings", namespace="CELERY")


@worker_ready.connect
def print_ready(**_: object) -> None:
    """Print the line that the benchmark waits for: with the default log level a worker prints nothing."""
    print("worker ready.", flush=True)
