"""`send N`: puts a backlog of N tasks into the broker."""

from __future__ import annotations

import sys

from benchmarks.peers.celery_results.app import app, noop

if __name__ == "__main__":
    with app.producer_pool.acquire() as producer:
        for _ in range(int(sys.argv[1])):
            noop.apply_async(producer=producer)
