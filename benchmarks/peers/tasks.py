"""The no-op of the stock project. It appends its instants to a file, which costs next to nothing."""

from __future__ import annotations

import os
import time
from functools import cache

from celery import shared_task


@cache
def starts_file() -> int:
    """Opened once a process; a write of one line is atomic in append mode."""
    return os.open(os.environ["BENCH_STARTS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)


@shared_task(name="peer.noop")
def noop(nominal_at: float) -> None:
    """Note when it was due and when it started, both in seconds since 1970."""
    os.write(starts_file(), f"{nominal_at:.6f} {time.time():.6f}\n".encode())
