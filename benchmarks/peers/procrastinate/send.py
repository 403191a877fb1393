"""`send N`: puts a backlog of N jobs into the table."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.peers.procrastinate.app import app, noop

JOBS_PER_QUERY = 1000


async def send(n_jobs: int) -> None:
    """Enqueue `n_jobs` jobs in batches."""
    async with app.open_async():
        for first in range(0, n_jobs, JOBS_PER_QUERY):
            await noop.batch_defer_async(*({} for _ in range(min(JOBS_PER_QUERY, n_jobs - first))))


if __name__ == "__main__":
    asyncio.run(send(int(sys.argv[1])))
