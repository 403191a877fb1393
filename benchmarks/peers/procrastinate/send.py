"""`send N`: a backlog in the table."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.peers.procrastinate.app import app, noop

BATCH = 1000


async def send(n_jobs: int) -> None:
    """Defer them in batches."""
    async with app.open_async():
        for first in range(0, n_jobs, BATCH):
            await noop.batch_defer_async(*({} for _ in range(min(BATCH, n_jobs - first))))


if __name__ == "__main__":
    asyncio.run(send(int(sys.argv[1])))
