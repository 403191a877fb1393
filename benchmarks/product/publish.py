"""`publish N`: ticks the due jobs as beat does, and publishes each run in its own message."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from executions.dispatch import RUN_TASK, Message
from scheduler_project.celery import app
from schedules.tick import tick


def publish(n_runs: int) -> None:
    """Publish the runs of all due jobs. Exits with an error if their number is not `n_runs`."""
    n_sent = 0
    with app.producer_pool.acquire() as producer:
        while messages := tick(datetime.now(UTC), limit=500).messages:
            for run in (run for message in messages for run in message.runs):
                alone = Message((run,))
                app.send_task(RUN_TASK, args=alone.args, producer=producer, **alone.options)
                n_sent += 1
    if n_sent != n_runs:
        sys.exit(f"{n_sent:,} runs were due instead of {n_runs:,}")


if __name__ == "__main__":
    publish(int(sys.argv[1]))
