"""The no-op task of the Celery peers. It appends its due time and start time to a file, which costs almost no time."""

from __future__ import annotations

import os
import time
from functools import cache

from celery import shared_task


@cache
def starts_file() -> int:
    """Return the file's descriptor, opened once per process. In append mode, writing one line is atomic."""
    return os.open(os.environ["BENCH_STARTS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)


@shared_task(name="peer.noop")
def noop(nominal_at: float) -> None:
    """Append the due time and the start time, both in seconds since 1970."""
    os.write(starts_file(), f"{nominal_at:.6f} {time.time():.6f}\n".encode())
